namespace Aspire.NATS.Net;

/// <summary>Settings of a NATS client, from the sections <c>Aspire:NATS:Net</c> and <c>Aspire:NATS:Net:{name}</c>.</summary>
public sealed class NatsClientSettings
{
    /// <summary>The server's URL; <c>ConnectionStrings:{name}</c> wins over the sections.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>Whether to leave out the health check <c>NATS</c>.</summary>
    public bool DisableHealthChecks { get; set; }

    /// <summary>Whether to leave out the spans of source <c>NATS.Net</c>.</summary>
    public bool DisableTracing { get; set; }
}
