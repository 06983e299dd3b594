using System.Collections.Concurrent;

namespace EventShop.Messaging.Tests;

/// <summary>What runs around handlers.</summary>
public sealed class MiddlewareTests(SharedPostgres postgres)
{
    private static readonly ConcurrentDictionary<Guid, ConcurrentQueue<string>> Steps = new();
    private static readonly ConcurrentBag<Guid> Poisoned = [];
    private static readonly ConcurrentBag<Guid> Skipped = [];

    [Fact]
    public async Task Middleware_runs_around_each_handler_in_its_order_and_what_it_throws_counts_as_thrown_by_the_handler()
    {
        await using var nats = await NatsServer.StartAsync();
        var script = new PingScript { Handle = (_, context, _) => Note(context, "handled") };
        await using var service = await TestService.StartAsync(
            nats, postgres.NewDatabase(), script: script,
            handlers: map => map.Use<Outer>().Use<Inner>().Handle<Ping, PingHandler>(),
            settings: [($"Messaging:Consumers:{TestService.Consumer}:RetryDelay", "00:00:00.020")]);
        var (good, bad, skipped) = (Ping.Event(1), Ping.Event(2), Ping.Event(3));
        Poisoned.Add(bad.Id);
        Skipped.Add(skipped.Id);

        await service.StoreAsync(good, bad, skipped);

        await Eventually.True("all are settled", async () => await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 0, Delivered.StreamSeq: >= 3 });
        Assert.Equal(["outer begins", "inner begins", "handled", "inner ends", "outer ends"], Steps[good.Id]);
        Assert.Equal(["outer begins", "inner begins"], Steps[bad.Id]);
        Assert.Equal(["outer begins", "outer ends"], Steps[skipped.Id]);
        Assert.Equal(1, await service.StreamMessagesAsync(TestService.DeadLetters));
        Assert.Equal(0, script.Handled(2) + script.Handled(3));
    }

    private static Task Note(MessageContext context, string step)
    {
        Steps.GetOrAdd(context.EventId, _ => new()).Enqueue(step);
        return Task.CompletedTask;
    }

    private sealed class Outer : IMessageMiddleware
    {
        public async Task InvokeAsync(MessageContext context, Func<CancellationToken, Task> next, CancellationToken cancellationToken)
        {
            await Note(context, "outer begins");
            if (context.Headers.GetValueOrDefault("ce-subject") is not { Length: > 0 } || context.Key is null)
                throw new InvalidOperationException("the event has no key");
            if (!Skipped.Contains(context.EventId))
                await next(cancellationToken);
            await Note(context, "outer ends");
        }
    }

    private sealed class Inner : IMessageMiddleware
    {
        public async Task InvokeAsync(MessageContext context, Func<CancellationToken, Task> next, CancellationToken cancellationToken)
        {
            await Note(context, "inner begins");
            if (Poisoned.Contains(context.EventId))
                throw new PoisonMessageException("not through here");
            await next(cancellationToken);
            await Note(context, "inner ends");
        }
    }
}
