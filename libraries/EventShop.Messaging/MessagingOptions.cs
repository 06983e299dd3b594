using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace EventShop.Messaging;

/// <summary>Configuration section <c>Messaging</c>.</summary>
public sealed class MessagingOptions
{
    /// <summary>
    /// The publishing service as CloudEvents' <c>source</c> of what it publishes, a URI reference. Part of its contract, so it is set in code. By
    /// default the application's name: <c>/OrderService</c>.
    /// </summary>
    [Bindable(false)]
    public string Source { get; set; } = "";

    /// <summary>
    /// The PostgreSQL schema that has the tables of messaging. Null: the first of the session's <c>search_path</c>, usually <c>public</c>.
    /// </summary>
    /// <remarks>Another schema has other tables: events that are owed in those of before stay there. Move them with <c>alter table … set schema …</c>.</remarks>
    [RegularExpression("[a-z_][a-z0-9_]{0,62}", ErrorMessage = "must be a name of lower-case letters, digits and _, or left out")]
    public string? Schema
    {
        get;
        set => field = string.IsNullOrEmpty(value) ? null : value;
    }

    /// <summary>Copies of each stream in a cluster. A single server takes 1 only.</summary>
    [Range(1, 5)]
    public int Replicas { get; set; } = 1;

    /// <summary>
    /// Whether a running service makes its streams and consumers, and when it starts changes those that differ, as far as that costs no
    /// message. Where it may not, the service's <c>setup</c> does, once for each deployment; until then <c>/health</c> names what is missing.
    /// </summary>
    public bool Provision { get; set; } = true;

    /// <summary>
    /// Whether <c>setup</c> also makes changes to streams after which messages may be deleted, refused, or kept in fewer copies: a shorter age,
    /// fewer subjects, another way to keep them. A running service never does.
    /// </summary>
    public bool AllowLoss { get; set; }

    /// <summary>How long <c>setup</c> waits for the broker, and for the streams that other services' setups make.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan SetupTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How often streams and consumers are compared with their definitions.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan TopologyInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Goes before the name of each table of messaging.</summary>
    internal string Tables => Schema is null ? "" : $"\"{Schema}\".";
}
