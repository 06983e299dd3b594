using EventShop.ServiceDefaults;
using PaymentGateway;
using PaymentGateway.Chaos;
using PaymentGateway.Charges;
using PaymentGateway.Ledger;
using PaymentGateway.Refunds;

return await WebServiceHost.RunAsync(args, () =>
{
    var builder = WebApplication.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddLedger();
    builder.AddChaos();
    builder.AddJson();
    builder.AddApiDescription("EventShop card gateway", "A simulated card processor: charges, refunds, and settings to make it misbehave.", GatewayExamples.AddTo);

    var app = builder.Build();
    app.MapDefaultEndpoints();
    app.MapOpenApi();
    app.MapPost("/charges", CreateCharge.Handle);
    app.MapGet("/charges", ListCharges.Handle);
    app.MapPost("/refunds", CreateRefund.Handle);
    app.MapGet("/chaos", ChangeChaos.Show);
    app.MapPut("/chaos", ChangeChaos.Handle);

    app.OpenLedger();
    return app;
});
