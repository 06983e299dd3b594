using System.Diagnostics;
using EventShop.Hosting;
using EventShop.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>Has one message handled and settles it: acknowledged, tried again, given up, or held until it can be handled.</summary>
internal sealed class MessageProcessor(
    ConsumerDefinition definition, ConsumptionGate gate, Settlement settlement, DeadLetters deadLetters, DatabaseWatch database,
    Attempts attempts, IServiceScopeFactory scopes, TimeProvider clock, ILogger log)
{
    private static readonly KeyValuePair<string, object?> NatsSystem = new("messaging.system", MessagingTelemetry.Nats);
    private static readonly KeyValuePair<string, object?> ProcessOperation = new("messaging.operation.name", MessagingTelemetry.Process);

    /// <summary>How long a consumer that stops waits for the count of a message that it has handed back.</summary>
    private static readonly TimeSpan LastCountLimit = TimeSpan.FromSeconds(1);

    private readonly KeyValuePair<string, object?> _consumer = new(MessagingTelemetry.ConsumerName, definition.Name);

    /// <param name="delivery">The message.</param>
    /// <param name="stopping">The consumer is draining: what is held is handed back, what runs is finished.</param>
    /// <param name="abort">The drain's time is up: what runs is cut off and handed back.</param>
    /// <returns>False when it was handed back unsettled, because the consumer is draining.</returns>
    public async Task<bool> ProcessAsync(Delivery delivery, CancellationToken stopping, CancellationToken abort)
    {
        try
        {
            for (var holds = 0; ; holds++)
                if (await AttemptAsync(delivery, isRepeated: holds > 0, abort) is not { } hindrance)
                    return true;
                else if (hindrance is NotYetException && (holds > 0 || delivery.Deliveries > 1))
                {
                    // What it waits for takes its time: others have the worker meanwhile.
                    await TryCountAsync(attempts.EndAsync, delivery, abort);
                    await settlement.RetryAsync(delivery, delivery.Deliveries);
                    return true;
                }
                else
                    await HoldAsync(delivery, hindrance, holds, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await settlement.ReturnAsync(delivery);
            using var limit = new CancellationTokenSource(LastCountLimit, clock);
            await TryCountAsync(attempts.EndAsync, delivery, limit.Token);
            return false;
        }
        catch (NatsException e)
        {
            // The dead letter could not be stored: the message stays where it is and comes again.
            log.SettlementFailed(definition.Name, e.Message);
            await TryCountAsync(attempts.EndAsync, delivery, abort);
            await settlement.RetryAsync(delivery, delivery.Deliveries);
            return true;
        }
        catch (Exception e)
        {
            // Nobody foresaw it. The worker lives on, and the message is tried again like one whose handler failed.
            log.ProcessingFailed(definition.Name, delivery.Sequence, delivery.Metadata.Stream, e.Message, e);
            await TryCountAsync(attempts.FailAsync, delivery, abort);
            await settlement.RetryAsync(delivery, delivery.Deliveries);
            return true;
        }
        finally
        {
            // However it ended, it is held no longer. Were only a success to open the gate, a consumer whose held messages all
            // fail or are given up would hold nothing that could ever succeed, and stand still for good.
            if (gate.Reopen() && !stopping.IsCancellationRequested)
                log.ConsumptionResumed(definition.Name);
        }
    }

    /// <returns>Null when the message is settled; otherwise what hinders it, through no fault of its own.</returns>
    private async Task<Exception?> AttemptAsync(Delivery delivery, bool isRepeated, CancellationToken abort)
    {
        MessageContext? context = null;
        Activity? activity = null;
        var started = clock.GetTimestamp();
        try
        {
            await attempts.BeginAsync(delivery, abort);
            if (delivery.Begun > definition.Options.MaxCrashes)
                throw new PoisonMessageException(
                    $"{definition.Options.MaxCrashes} attempts in a row ended with the process: handling it seems to end the process");
            if (delivery.Failed >= definition.Options.MaxAttempts)
                throw new PoisonMessageException($"{delivery.Failed} attempts failed for reasons that are in the log");
            var received = ReceivedEvent.Read(delivery.Message, delivery.Metadata.Timestamp, definition.Name, delivery.Attempt);
            context = received.Context;
            activity = StartActivity(delivery, context, isRepeated);
            ProcessStep.Reached("consumer.before-handle");
            await HandleAsync(received, activity, abort);
            ProcessStep.Reached("consumer.before-ack");
            await settlement.AckAsync(delivery);
            if (delivery.IsCounted)
                await TryCountAsync(attempts.ForgetAsync, delivery, abort);
            Record("handled", context, started);
            return null;
        }
        catch (OperationCanceledException) when (abort.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e) when (e is NotYetException || IsUnavailable(e))
        {
            Record(e is NotYetException ? "not-yet" : "unavailable", context, started);
            return e;
        }
        catch (Exception e) when (e is PoisonMessageException || delivery.Attempt >= definition.Options.MaxAttempts)
        {
            Record("dead-lettered", context, started);
            await GiveUpAsync(delivery, e, abort);
            return null;
        }
        catch (Exception e)
        {
            Record("failed", context, started);
            MessagingTelemetry.Retried.Add(1, _consumer);
            return await FailAsync(delivery, context, e, abort);
        }
        finally
        {
            // Not before what became of it is logged: the line has its trace id.
            activity?.Dispose();
        }
    }

    private async Task HandleAsync(ReceivedEvent received, Activity? activity, CancellationToken abort)
    {
        try
        {
            using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(abort);
            await using var scope = scopes.CreateAsyncScope();
            var handling = definition.Handlers.DispatchAsync(
                scope.ServiceProvider, received.Data, received.Context, cancellation.Token);
            if (!handling.IsCompleted)
                await WithinTimeoutAsync(handling, cancellation);
            await handling;
        }
        catch (Exception e)
        {
            activity.SetFailed(e);
            activity?.AddException(e);
            throw;
        }
    }

    /// <summary>Cuts off a handler that takes too long, even one that does not listen.</summary>
    private async Task WithinTimeoutAsync(Task handling, CancellationTokenSource cancellation)
    {
        try
        {
            await handling.WaitAsync(definition.Options.HandlerTimeout, clock, cancellation.Token);
        }
        catch (TimeoutException e) when (!handling.IsCompleted)
        {
            await cancellation.CancelAsync();
            // It may have spent its time on trying again and again: object mappers do.
            if (await database.LookBackAsync(definition.Options.HandlerTimeout) is { } trouble)
                throw new DependencyUnavailableException($"the database: {trouble}", e);
            throw new TimeoutException($"the handler took longer than HandlerTimeout ({definition.Options.HandlerTimeout})", e);
        }
    }

    private Activity? StartActivity(Delivery delivery, MessageContext context, bool isRepeated)
    {
        var name = $"{MessagingTelemetry.Process} {delivery.Message.Subject}";
        var raised = TraceContext.Parse(
            CloudEvent.Header(delivery.Message.Headers, CloudEvent.TraceParent), CloudEvent.Header(delivery.Message.Headers, CloudEvent.TraceState));
        // A prompt first attempt goes on in the trace of its cause. Any other begins a trace of its own, linked to it.
        var prompt = delivery.Deliveries == 1 && !isRepeated && clock.GetUtcNow() - context.Time < definition.Options.SameTraceWithin
            && CloudEvent.Header(delivery.Message.Headers, CloudEvent.Redriven) is null;
        var activity = prompt
            ? MessagingTelemetry.Source.StartActivity(name, ActivityKind.Consumer, raised)
            : MessagingTelemetry.Source.StartActivity(name, ActivityKind.Consumer, parentContext: default, links: raised == default ? [] : [new(raised)]);
        TraceContext.RestoreBaggage(activity, CloudEvent.Header(delivery.Message.Headers, CloudEvent.Baggage));
        return activity
            .SetMessaging(MessagingTelemetry.Process, delivery.Message.Subject, context.EventId)?
            .SetTag(MessagingTelemetry.ConsumerName, definition.Name)
            .SetTag("messaging.nats.delivery_attempt", delivery.Deliveries);
    }

    private async Task HoldAsync(Delivery delivery, Exception hindrance, int holds, CancellationToken stopping)
    {
        if (IsUnavailable(hindrance) && gate.Failed())
            log.ConsumptionPaused(definition.Name, hindrance.Message);
        delivery.Hindrance = hindrance.Message;
        await TryCountAsync(attempts.EndAsync, delivery, stopping);
        await gate.HoldAsync(holds, stopping);
    }

    private async Task GiveUpAsync(Delivery delivery, Exception reason, CancellationToken abort)
    {
        await deadLetters.StoreAsync(
            definition.Name, delivery.Metadata, delivery.Message.Subject, delivery.Message.Headers, delivery.Message.Data, delivery.Attempt, reason);
        await settlement.TerminateAsync(delivery);
        await TryCountAsync(attempts.ForgetAsync, delivery, abort);
        MessagingTelemetry.DeadLettered.Add(1, _consumer);
        log.DeadLettered(definition.Name, delivery.Sequence, delivery.Metadata.Stream, delivery.Attempt, reason.Message);
    }

    /// <returns>What kept its failure from being counted, so that it has to be attempted once more; otherwise null.</returns>
    private async Task<Exception?> FailAsync(Delivery delivery, MessageContext? context, Exception reason, CancellationToken abort)
    {
        try
        {
            await attempts.FailAsync(delivery, abort);
        }
        catch (Exception e) when (e.IsDatabaseUnavailable())
        {
            return e;
        }
        var delay = await settlement.RetryAsync(delivery, delivery.Failed);
        log.HandlingFailed(definition.Name, context?.Type, context?.EventId, delivery.Failed, delay, reason.Message, reason);
        return null;
    }

    /// <summary>Where the count cannot be put right the message is settled all the same.</summary>
    private async Task TryCountAsync(Func<Delivery, CancellationToken, Task> count, Delivery delivery, CancellationToken cancellationToken)
    {
        try
        {
            await count(delivery, cancellationToken).WaitAsync(cancellationToken);
        }
        catch (Exception e)
        {
            log.AttemptsNotKept(definition.Name, delivery.Sequence, e.Message);
        }
    }

    /// <summary>Not the message's fault: trying again later helps, giving up does not.</summary>
    private static bool IsUnavailable(Exception e) =>
        e is DependencyUnavailableException or OverloadedException || (e is not PoisonMessageException && e.IsDatabaseUnavailable());

    private void Record(string outcome, MessageContext? context, long started) => MessagingTelemetry.ProcessDuration.Record(
        clock.GetElapsedTime(started).TotalSeconds, NatsSystem, ProcessOperation, _consumer,
        // What anybody may publish must not become a label: only types that are handled here are.
        new(MessagingTelemetry.EventType, context is not null && definition.Handlers.Knows(context.Type) ? context.Type : "other"),
        new(MessagingTelemetry.Outcome, outcome));
}
