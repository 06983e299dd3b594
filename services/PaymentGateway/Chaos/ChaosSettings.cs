namespace PaymentGateway.Chaos;

/// <summary>What goes wrong. Rates are probabilities per request, 0 to 1; a member left out is 0 or false.</summary>
/// <param name="LatencyMs">Added to every charge and refund, 0 to 60,000.</param>
/// <param name="ErrorRate">503 before anything is done.</param>
/// <param name="HangRate">No answer until the client gives up; nothing is done.</param>
/// <param name="DeclineRate">The card is declined whatever its token.</param>
/// <param name="Down">503 for every charge and refund.</param>
public sealed record ChaosSettings(
    int LatencyMs = 0,
    double ErrorRate = 0,
    double HangRate = 0,
    double DeclineRate = 0,
    bool Down = false)
{
    private const int MaxLatencyMs = 60_000;

    internal Dictionary<string, string[]> Check()
    {
        var errors = new Dictionary<string, string[]>();
        if (LatencyMs is < 0 or > MaxLatencyMs)
        {
            errors["latencyMs"] = [$"must be between 0 and {MaxLatencyMs}"];
        }

        CheckRate("errorRate", ErrorRate);
        CheckRate("hangRate", HangRate);
        CheckRate("declineRate", DeclineRate);
        return errors;

        void CheckRate(string name, double rate)
        {
            if (rate is not (>= 0 and <= 1))
            {
                errors[name] = ["must be between 0 and 1"];
            }
        }
    }
}
