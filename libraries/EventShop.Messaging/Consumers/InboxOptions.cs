using System.ComponentModel.DataAnnotations;

namespace EventShop.Messaging;

/// <summary>Configuration section <c>Messaging:Inbox</c>.</summary>
public sealed class InboxOptions
{
    /// <summary>
    /// How long applied events are remembered, at least. Null: as long as their streams and the dead letters together could bring one of them
    /// back, which is also the least that is allowed.
    /// </summary>
    [Range(typeof(TimeSpan), "00:01:00", "3650.00:00:00")]
    public TimeSpan? Retention { get; set; }
}
