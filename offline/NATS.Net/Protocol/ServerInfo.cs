using System.Text.Json.Serialization;

namespace NATS.Client.Core;

/// <summary>What the server said about itself in INFO.</summary>
public interface INatsServerInfo
{
    /// <summary>The server's unique id.</summary>
    string Id { get; }

    /// <summary>The server's name.</summary>
    string Name { get; }

    /// <summary>The server's version, such as 2.9.10.</summary>
    string Version { get; }

    /// <summary>The protocol version.</summary>
    long ProtocolVersion { get; }

    /// <summary>The host the server listens on.</summary>
    string Host { get; }

    /// <summary>The port the server listens on.</summary>
    int Port { get; }

    /// <summary>Whether the server takes headers.</summary>
    bool HeadersSupported { get; }

    /// <summary>Whether the server wants credentials.</summary>
    bool AuthRequired { get; }

    /// <summary>Whether the server insists on TLS.</summary>
    bool TlsRequired { get; }

    /// <summary>Whether the server wants a client certificate.</summary>
    bool TlsVerify { get; }

    /// <summary>Whether the server offers TLS.</summary>
    bool TlsAvailable { get; }

    /// <summary>The largest payload, headers included, in bytes.</summary>
    int MaxPayload { get; }

    /// <summary>Whether JetStream is on.</summary>
    bool JetStreamAvailable { get; }

    /// <summary>This connection's id on the server.</summary>
    ulong ClientId { get; }

    /// <summary>This client's address as the server sees it.</summary>
    string ClientIp { get; }

    /// <summary>The cluster's name.</summary>
    string? Cluster { get; }

    /// <summary>Further servers of the cluster, as host:port.</summary>
    string[]? ClientConnectUrls { get; }

    /// <summary>Whether the server is about to shut down.</summary>
    bool LameDuckMode { get; }
}

internal sealed record ServerInfo : INatsServerInfo
{
    [JsonPropertyName("server_id")]
    public string Id { get; init; } = "";

    [JsonPropertyName("server_name")]
    public string Name { get; init; } = "";

    public string Version { get; init; } = "";

    [JsonPropertyName("proto")]
    public long ProtocolVersion { get; init; }

    public string Host { get; init; } = "";

    public int Port { get; init; }

    [JsonPropertyName("headers")]
    public bool HeadersSupported { get; init; }

    public bool AuthRequired { get; init; }

    public bool TlsRequired { get; init; }

    public bool TlsVerify { get; init; }

    public bool TlsAvailable { get; init; }

    public int MaxPayload { get; init; }

    [JsonPropertyName("jetstream")]
    public bool JetStreamAvailable { get; init; }

    public ulong ClientId { get; init; }

    public string ClientIp { get; init; } = "";

    public string? Cluster { get; init; }

    [JsonPropertyName("connect_urls")]
    public string[]? ClientConnectUrls { get; init; }

    [JsonPropertyName("ldm")]
    public bool LameDuckMode { get; init; }
}

/// <summary>What the client says about itself in CONNECT.</summary>
internal sealed record ConnectOptions
{
    public bool Echo { get; init; }

    public bool Verbose { get; init; }

    public bool Pedantic { get; init; }

    public bool TlsRequired { get; init; }

    public string? AuthToken { get; init; }

    public string? User { get; init; }

    public string? Pass { get; init; }

    public string? Name { get; init; }

    public string Lang { get; init; } = ".NET";

    public string Version { get; init; } = "2.8.2";

    public int Protocol { get; init; } = 1;

    public bool Headers { get; init; }

    public bool NoResponders { get; init; } = true;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ServerInfo))]
[JsonSerializable(typeof(ConnectOptions))]
internal sealed partial class ProtocolJson : JsonSerializerContext;
