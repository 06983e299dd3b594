using System.Diagnostics.Metrics;
using System.Threading.RateLimiting;
using Polly;
using Polly.CircuitBreaker;

namespace PaymentService;

/// <summary>
/// Stops calling a gateway that has failed a number of times in a row; after a while a few calls probe it, and it is called again
/// when all of them succeed. Only a charge or a refund succeeds: a gateway that makes neither may still answer look-ups.
/// </summary>
/// <remarks>Polly's own breaker knows a share of failing calls and one probe, not failures in a row and several.</remarks>
public sealed class GatewayCircuit : ResilienceStrategy<GatewayAnswer>, IDisposable
{
    private readonly GatewayOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger<GatewayCircuit> _log;
    private readonly Meter _meter = new("EventShop.PaymentService");
    private readonly Lock _lock = new();
    private CircuitState _state = CircuitState.Closed;

    /// <summary>Counts the changes of state: what was begun before the last one says nothing about what has been since.</summary>
    private int _epoch;
    private int _failures;
    private int _probes;
    private int _probesPassed;
    private long _firstFailure;
    private long _opened;
    private string _reason = "";

    public GatewayCircuit(GatewayOptions options, TimeProvider clock, ILogger<GatewayCircuit> log)
    {
        (_options, _clock, _log) = (options, clock, log);
        _meter.CreateObservableGauge("payment.gateway.circuit.state", () => Read().State switch
        {
            CircuitState.Closed => 0,
            CircuitState.HalfOpen => 1,
            _ => 2,
        }, "{state}", "The circuit to the card gateway: 0 closed, 1 probing, 2 open");
    }

    /// <summary>State and, unless it is closed, the failure that opened it.</summary>
    public (CircuitState State, string Reason) Read()
    {
        lock (_lock)
            return (_state, _reason);
    }

    public void Dispose() => _meter.Dispose();

    /// <returns>The call's outcome, or a <see cref="BrokenCircuitException"/> without a call.</returns>
    protected override async ValueTask<Outcome<GatewayAnswer>> ExecuteCore<TState>(
        Func<ResilienceContext, TState, ValueTask<Outcome<GatewayAnswer>>> callback, ResilienceContext context, TState state)
    {
        if (!TryEnter(out var epoch))
            return Outcome.FromException<GatewayAnswer>(new BrokenCircuitException($"the circuit is open after: {Read().Reason}"));
        var outcome = await callback(context, state).ConfigureAwait(context.ContinueOnCapturedContext);
        Leave(epoch, outcome, context.OperationKey);
        return outcome;
    }

    private bool TryEnter(out int epoch)
    {
        lock (_lock)
        {
            if (_state is CircuitState.Open && _clock.GetElapsedTime(_opened) >= _options.OpenTimeout)
                MoveTo(CircuitState.HalfOpen);
            epoch = _epoch;
            if (_state is not CircuitState.HalfOpen || _probes >= _options.HalfOpenProbes)
                return _state is CircuitState.Closed;
            _probes++;
            return true;
        }
    }

    private void Leave(int epoch, Outcome<GatewayAnswer> outcome, string? kind)
    {
        var failure = GatewayAnswer.FailureOf(outcome);
        lock (_lock)
        {
            if (epoch != _epoch)
                return;
            if (failure is not null)
                Failed(failure);
            else if (outcome.Exception is null && kind is not Attempt.LookUp && outcome.Result is not GatewayAnswer.Undecided)
                Succeeded();
            else if (_state is CircuitState.HalfOpen)
                _probes--; // Neither a failure of the gateway nor a proof of its health: another call may probe.
        }
    }

    private void Failed(string failure)
    {
        // Failures far apart are not a row.
        if (_failures == 0 || _clock.GetElapsedTime(_firstFailure) > _options.SamplingInterval)
            (_failures, _firstFailure) = (0, _clock.GetTimestamp());
        if (++_failures <= _options.ConsecutiveFailures && _state is CircuitState.Closed)
            return;
        (_opened, _reason) = (_clock.GetTimestamp(), failure);
        MoveTo(CircuitState.Open);
        _log.CircuitOpened(_options.OpenTimeout, failure);
    }

    private void Succeeded()
    {
        _failures = 0;
        if (_state is not CircuitState.HalfOpen || ++_probesPassed < _options.HalfOpenProbes)
            return;
        _reason = "";
        MoveTo(CircuitState.Closed);
        _log.CircuitClosed();
    }

    private void MoveTo(CircuitState state)
    {
        _state = state;
        _epoch++;
        (_failures, _probes, _probesPassed) = (0, 0, 0);
    }
}

/// <summary>Lets a number of calls run at one time; further ones wait their turn, for as long as their caller does.</summary>
internal sealed class Bulkhead(int maxConcurrentCalls) : ResilienceStrategy<GatewayAnswer>
{
    private readonly ConcurrencyLimiter _limiter = new(new() { PermitLimit = maxConcurrentCalls, QueueLimit = int.MaxValue });

    protected override async ValueTask<Outcome<GatewayAnswer>> ExecuteCore<TState>(
        Func<ResilienceContext, TState, ValueTask<Outcome<GatewayAnswer>>> callback, ResilienceContext context, TState state)
    {
        try
        {
            using var lease = await _limiter.AcquireAsync(1, context.CancellationToken).ConfigureAwait(context.ContinueOnCapturedContext);
            return await callback(context, state).ConfigureAwait(context.ContinueOnCapturedContext);
        }
        catch (OperationCanceledException e)
        {
            return Outcome.FromException<GatewayAnswer>(e);
        }
    }
}
