using System.Text.Json.Serialization.Metadata;

namespace EventShop.Messaging;

/// <summary>An event's wire contract: its CloudEvents type, the subject it is published on, and how it is written as JSON.</summary>
/// <remarks>An event may gain members, never lose or retype one; whatever breaks that is a new type (<c>….v2</c>).</remarks>
public interface IEvent<TSelf> where TSelf : IEvent<TSelf>
{
    /// <summary>The versioned CloudEvents type, for example <c>eventshop.orders.created.v1</c>.</summary>
    static abstract string Type { get; }

    /// <summary>The NATS subject, for example <c>orders.created</c>.</summary>
    static abstract string Subject { get; }

    /// <summary>The source-generated JSON contract.</summary>
    static abstract JsonTypeInfo<TSelf> Json { get; }
}
