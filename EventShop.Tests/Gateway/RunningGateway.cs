using EventShop.Messaging.Testing;

namespace EventShop.Tests.Gateway;

/// <summary>One gateway for all tests of a class; each test uses orders and keys of its own.</summary>
public sealed class RunningGateway : IAsyncLifetime
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("gateway-");
    private ServiceProcess? process;

    public ServiceProcess Process => process!;

    public GatewayClient Client => new(Process.Client);

    public async ValueTask InitializeAsync() => process = await GatewayClient.Start(Path.Combine(folder.FullName, "ledger.jsonl"));

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        folder.Delete(recursive: true);
    }
}
