using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using PaymentGateway.Charges;

namespace PaymentGateway.Ledger;

internal static class LedgerSetup
{
    public static void AddLedger(this WebApplicationBuilder builder)
    {
        builder.Services.AddServiceOptions<GatewayOptions>(GatewayOptions.Section);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<LedgerBook>();
        builder.Services.AddSingleton<FlakyCards>();
        builder.Services.AddSingleton(services => new Journal(Path.Combine(
            builder.Environment.ContentRootPath,
            services.GetRequiredService<IOptions<GatewayOptions>>().Value.LedgerPath)));
    }

    /// <summary>Reads the ledger before the first request is taken.</summary>
    public static void OpenLedger(this WebApplication app)
        => app.Services.GetRequiredService<Journal>().Replay(app.Services.GetRequiredService<LedgerBook>().Replay);
}
