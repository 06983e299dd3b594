namespace EventShop.Messaging.Testing;

/// <summary>Three nats-servers that keep three copies of each stream.</summary>
public sealed class NatsCluster : IAsyncDisposable
{
    private NatsCluster(IReadOnlyList<NatsServer> nodes) => Nodes = nodes;

    /// <summary>Named n0, n1 and n2.</summary>
    public IReadOnlyList<NatsServer> Nodes { get; }

    /// <summary>What clients are told.</summary>
    public string Url => string.Join(',', Nodes.Select(node => node.Url));

    /// <param name="jetStreamConfig">Further configuration of JetStream, for each of them.</param>
    public static async Task<NatsCluster> StartAsync(string jetStreamConfig = "")
    {
        int[] ports = [FreePort.Take(), FreePort.Take(), FreePort.Take()];
        var routes = string.Join(", ", ports.Select(port => $"\"nats://127.0.0.1:{port}\""));
        var name = $"cluster-{ports[0]}";
        var nodes = new List<NatsServer>();
        for (var i = 0; i < ports.Length; i++)
            nodes.Add(await NatsServer.StartAsync($$"""
                server_name: n{{i}}
                cluster { name: "{{name}}", listen: "127.0.0.1:{{ports[i]}}", routes: [{{routes}}] }
                """, jetStreamConfig: jetStreamConfig));
        return new NatsCluster(nodes);
    }

    /// <summary>The node of this name.</summary>
    public NatsServer Node(string name) => Nodes[name[^1] - '0'];

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
            await node.DisposeAsync();
    }
}
