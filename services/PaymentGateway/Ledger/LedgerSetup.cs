using EventShop.Hosting;
using Microsoft.Extensions.DependencyInjection.Extensions;
using PaymentGateway.Charges;

namespace PaymentGateway.Ledger;

internal static class LedgerSetup
{
    public static void AddLedger(this WebApplicationBuilder builder)
    {
        var options = builder.Configuration.GetValidated<GatewayOptions>(GatewayOptions.Section);
        builder.Services.AddSingleton(options);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<LedgerBook>();
        builder.Services.AddSingleton<FlakyCards>();
        builder.Services.AddSingleton(_ => new Journal(Path.Combine(builder.Environment.ContentRootPath, options.LedgerPath)));
    }

    /// <summary>Reads the ledger before the first request is taken.</summary>
    public static void OpenLedger(this WebApplication app)
        => app.Services.GetRequiredService<Journal>().Replay(app.Services.GetRequiredService<LedgerBook>().Replay);
}
