using Microsoft.AspNetCore.Http.HttpResults;

namespace PaymentGateway.Chaos;

/// <summary>Makes the gateway behave as badly as <c>PUT /chaos</c> asked for. Well-behaved by default.</summary>
internal sealed class ChaosMonkey(GatewayOptions options, IHostApplicationLifetime lifetime, TimeProvider time)
{
    private readonly Random random = options.ChaosSeed is { } seed ? new Random(seed) : new Random();
    private readonly Lock gate = new();
    private volatile ChaosSettings settings = new();

    public ChaosSettings Settings
    {
        get => settings;
        set => settings = value;
    }

    /// <summary>Delays the request, or ends it: with an answer, or with none. Null lets it through.</summary>
    public async ValueTask<Trouble?> Strike(HttpContext context)
    {
        var current = settings;
        if (current.LatencyMs > 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(current.LatencyMs), time, context.RequestAborted);
        }

        if (Happens(current.HangRate))
        {
            await Hang(context);
            return new Trouble(null);
        }

        return current.Down || Happens(current.ErrorRate)
            ? new Trouble(TypedResults.Problem("The gateway is out of order.", statusCode: StatusCodes.Status503ServiceUnavailable))
            : null;
    }

    public bool Declines() => Happens(settings.DeclineRate);

    private bool Happens(double rate)
    {
        if (rate <= 0)
        {
            return false;
        }

        lock (gate)
        {
            return random.NextDouble() < rate;
        }
    }

    // Until the client gives up, or the gateway stops: a hanging request must not hold up its shutdown.
    private async Task Hang(HttpContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        await Task.Delay(Timeout.InfiniteTimeSpan, time, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        context.Abort();
    }

    /// <summary>The answer of a request that was struck; null when there is none to give.</summary>
    internal sealed record Trouble(ProblemHttpResult? Result);
}
