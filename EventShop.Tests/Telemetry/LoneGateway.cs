using EventShop.Messaging.Testing;

namespace EventShop.Tests.Telemetry;

/// <summary>The one service that needs neither broker nor database, with a ledger of its own.</summary>
internal sealed class LoneGateway : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gateway-");

    public ServiceProcess Process { get; private set; } = null!;

    public static async Task<LoneGateway> StartAsync(params (string Key, string? Value)[] settings)
    {
        var gateway = new LoneGateway();
        var environment = settings.ToDictionary(setting => setting.Key, setting => setting.Value);
        environment["Gateway__LedgerPath"] = Path.Combine(gateway._folder.FullName, "ledger.jsonl");
        environment["OTEL_BSP_SCHEDULE_DELAY"] = "50";
        gateway.Process = await ServiceProcess.Start("services/PaymentGateway", environment);
        return gateway;
    }

    /// <summary>Sends a request that ends well.</summary>
    public async Task GetAsync(string path, string? traceParent = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (traceParent is not null)
            request.Headers.Add("traceparent", traceParent);
        using var answer = await Process.Client.SendAsync(request, TestContext.Current.CancellationToken);
        answer.EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
