using Microsoft.AspNetCore.Http.HttpResults;

namespace PaymentGateway.Chaos;

/// <summary><c>GET /chaos</c> shows the settings, <c>PUT /chaos</c> replaces all of them, from the next request on.</summary>
internal static class ChangeChaos
{
    [Tags("Chaos"), EndpointSummary("Show what goes wrong")]
    public static Ok<ChaosSettings> Show(ChaosMonkey chaos) => TypedResults.Ok(chaos.Settings);

    [Tags("Chaos"), EndpointSummary("Replace what goes wrong")]
    [EndpointDescription("From the next request on. A member left out is 0 or false.")]
    public static Results<Ok<ChaosSettings>, ValidationProblem> Handle(ChaosSettings settings, ChaosMonkey chaos)
    {
        var errors = settings.Check();
        if (errors.Count > 0)
        {
            return Refusal.Of(errors);
        }

        chaos.Settings = settings;
        return TypedResults.Ok(settings);
    }
}

internal static class ChaosSetup
{
    public static void AddChaos(this WebApplicationBuilder builder) => builder.Services.AddSingleton<ChaosMonkey>();
}
