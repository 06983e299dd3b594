using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace EventShop.Messaging;

/// <summary>Which handler takes which type of event, for one consumer.</summary>
public sealed class HandlerMap
{
    private delegate Task Dispatch(IServiceProvider services, byte[] body, MessageContext context, CancellationToken cancellationToken);

    private readonly Dictionary<string, Dispatch> _handlers = [];
    private readonly List<Type> _middleware = [];
    private readonly IServiceCollection _services;
    private string? _source;

    internal HandlerMap(IServiceCollection services) => _services = services;

    /// <summary>
    /// Takes events of this source only; those of any other are poison. It keeps out what was published by mistake: a stranger may
    /// call itself anything, and is kept out by the broker's own rights.
    /// </summary>
    /// <param name="source">The publisher's CloudEvents <c>source</c>, part of its contract.</param>
    public HandlerMap From(string source)
    {
        _source = source;
        return this;
    }

    /// <summary>Gives events of type <typeparamref name="TEvent"/> to <typeparamref name="THandler"/>, made anew for each message.</summary>
    public HandlerMap Handle<TEvent, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>()
        where TEvent : IEvent<TEvent>
        where THandler : class, IHandle<TEvent>
    {
        _services.AddScoped<THandler>();
        _handlers.Add(TEvent.Type, (services, body, context, cancellationToken) =>
            services.GetRequiredService<THandler>().HandleAsync(Read<TEvent>(body), context, cancellationToken));
        return this;
    }

    /// <summary>
    /// Gives events of type <typeparamref name="TEvent"/> to <typeparamref name="THandler"/>, those that the consumer's workers have in hand together. It is
    /// made anew for each batch; middleware runs for each message.
    /// </summary>
    /// <param name="maxSize">The most events in a batch. There are never more than the consumer has workers.</param>
    public HandlerMap HandleBatch<TEvent, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(int maxSize = 100)
        where TEvent : IEvent<TEvent>
        where THandler : class, IHandleBatch<TEvent>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSize, 1);
        _services.AddScoped<THandler>();
        Batcher<TEvent>? batcher = null;
        _handlers.Add(TEvent.Type, (services, body, context, cancellationToken) =>
            LazyInitializer.EnsureInitialized(ref batcher, () => new(HandleIn(services.GetRequiredService<IServiceScopeFactory>()), maxSize))
                .HandleAsync(Read<TEvent>(body), context, cancellationToken));
        return this;

        static Func<IReadOnlyList<BatchItem<TEvent>>, CancellationToken, Task> HandleIn(IServiceScopeFactory scopes) => async (batch, cancellationToken) =>
        {
            await using var scope = scopes.CreateAsyncScope();
            await scope.ServiceProvider.GetRequiredService<THandler>().HandleAsync(batch, cancellationToken);
        };
    }

    /// <summary>Runs <typeparamref name="TMiddleware"/> around every handler of this consumer, inside those that were added before.</summary>
    public HandlerMap Use<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TMiddleware>() where TMiddleware : class, IMessageMiddleware
    {
        _services.AddScoped<TMiddleware>();
        _middleware.Add(typeof(TMiddleware));
        return this;
    }

    /// <summary>Whether a handler takes this type.</summary>
    internal bool Knows(string type) => _handlers.ContainsKey(type);

    /// <exception cref="PoisonMessageException">It is of another source, no handler takes its type, or the body is not such an event.</exception>
    internal Task DispatchAsync(IServiceProvider services, byte[] body, MessageContext context, CancellationToken cancellationToken)
    {
        if (_source is not null && context.Source != _source)
            throw new PoisonMessageException($"its source is not {_source}");
        if (!_handlers.TryGetValue(context.Type, out var dispatch))
            throw new PoisonMessageException($"no handler for its type; known: {string.Join(", ", _handlers.Keys)}");
        return _middleware.Count == 0
            ? dispatch(services, body, context, cancellationToken)
            : RunAsync(0, token => dispatch(services, body, context, token), services, context, cancellationToken);
    }

    /// <summary>Runs the middleware from this one on, and then the handler.</summary>
    private Task RunAsync(int next, Func<CancellationToken, Task> handle, IServiceProvider services, MessageContext context, CancellationToken cancellationToken) =>
        next == _middleware.Count
            ? handle(cancellationToken)
            : ((IMessageMiddleware)services.GetRequiredService(_middleware[next]))
                .InvokeAsync(context, token => RunAsync(next + 1, handle, services, context, token), cancellationToken);

    private static TEvent Read<TEvent>(byte[] body) where TEvent : IEvent<TEvent>
    {
        try
        {
            return JsonSerializer.Deserialize(body, TEvent.Json)
                ?? throw new PoisonMessageException($"the body is null, not a {TEvent.Type}");
        }
        catch (JsonException e)
        {
            // Neither its message nor the exception itself: they quote the body, and this is logged and traced.
            throw new PoisonMessageException(
                $"the body is not a {TEvent.Type}: {KnownMember(TEvent.Json, e.Path)}, line {e.LineNumber}, byte {e.BytePositionInLine}");
        }
    }

    /// <summary>The event's member that a path leads to or through; <c>$</c> when it is none of the event's: also names are the sender's.</summary>
    private static string KnownMember(JsonTypeInfo type, string? path) => type.Properties
        .Select(property => $"$.{property.Name}")
        .FirstOrDefault(member => path == member || path?.StartsWith($"{member}.") is true || path?.StartsWith($"{member}[") is true) ?? "$";
}
