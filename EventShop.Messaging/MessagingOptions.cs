using System.ComponentModel.DataAnnotations;

namespace EventShop.Messaging;

/// <summary>Configuration section <c>Messaging</c>.</summary>
public sealed class MessagingOptions
{
    /// <summary>The publishing service as CloudEvents' <c>source</c>. Part of the contract, so it is set in code: <c>AddMessaging(source)</c>.</summary>
    internal string Source { get; set; } = "";

    /// <summary>Copies of each stream in a cluster. A single server takes 1 only.</summary>
    [Range(1, 5)]
    public int Replicas { get; set; } = 1;

    /// <summary>
    /// Whether a running service makes and changes its streams and consumers. Where it may not, the service's <c>setup</c> does,
    /// once for each deployment; until then the service is unready.
    /// </summary>
    public bool Provision { get; set; } = true;

    /// <summary>How long <c>setup</c> waits for the broker, and for the streams that other services' setups make.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan SetupTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How often streams and consumers are compared with their definitions.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan TopologyInterval { get; set; } = TimeSpan.FromSeconds(30);
}
