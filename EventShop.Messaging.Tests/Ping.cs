using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using NATS.Client.Core;

namespace EventShop.Messaging.Tests;

/// <summary>An event of no business at all.</summary>
public sealed record Ping(Guid Id, int Number, string? Padding = null) : IEvent<Ping>
{
    public static string Type => "eventshop.tests.ping.v1";

    public static string Subject => "pings.sent";

    public static JsonTypeInfo<Ping> Json => PingJson.Default.Ping;

    /// <summary>The stream of the tests.</summary>
    public static StreamDefinition Stream => new("PINGS", "pings.>");

    public static OutboxEvent Event(int number, string? padding = null)
    {
        var id = Guid.CreateVersion7();
        return OutboxEvent.Of(new Ping(id, number, padding), id, TimeProvider.System.GetUtcNow());
    }

    /// <summary>A ping of somebody else's, in CloudEvents' binary mode.</summary>
    /// <param name="change">What is wrong, or unusual, about it.</param>
    public static NatsHeaders Headers(Action<NatsHeaders>? change = null)
    {
        var headers = new NatsHeaders
        {
            ["ce-specversion"] = "1.0",
            ["ce-id"] = Guid.NewGuid().ToString(),
            ["ce-source"] = "/stranger",
            ["ce-type"] = Type,
            ["ce-time"] = "2026-01-01T00:00:00Z",
        };
        change?.Invoke(headers);
        return headers;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Ping))]
internal sealed partial class PingJson : JsonSerializerContext;

/// <summary>Handles pings as a test tells it to, and remembers them.</summary>
public sealed class PingHandler(PingScript script) : IHandle<Ping>
{
    public Task HandleAsync(Ping message, MessageContext context, CancellationToken cancellationToken)
    {
        script.Attempts.Enqueue((message.Number, context.Attempt, context.EventId));
        return script.Handle(message, context, cancellationToken);
    }
}

/// <summary>What a test wants done with each ping.</summary>
public class PingScript
{
    public System.Collections.Concurrent.ConcurrentQueue<(int Number, int Attempt, Guid EventId)> Attempts { get; } = new();

    public Func<Ping, MessageContext, CancellationToken, Task> Handle { get; set; } = (_, _, _) => Task.CompletedTask;

    public int Handled(int number) => Attempts.Count(a => a.Number == number);
}
