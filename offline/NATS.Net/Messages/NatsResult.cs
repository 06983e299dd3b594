namespace NATS.Client.Core;

/// <summary>A value or the error that took its place.</summary>
public readonly struct NatsResult<T>
{
    private readonly T? _value;
    private readonly Exception? _error;

    /// <summary>A value.</summary>
    public NatsResult(T value) => _value = value;

    /// <summary>An error.</summary>
    public NatsResult(Exception error) => _error = error;

    /// <summary>The value; throws <see cref="InvalidOperationException"/> when there is none.</summary>
    public T Value => _value ?? throw new InvalidOperationException("Result value is not set");

    /// <summary>The error; throws <see cref="InvalidOperationException"/> when there is none.</summary>
    public Exception Error => _error ?? throw new InvalidOperationException("Result error is not set");

    /// <summary>Whether there is no error.</summary>
    public bool Success => _error is null;

    /// <summary>A value as a result.</summary>
    public static implicit operator NatsResult<T>(T value) => new(value);

    /// <summary>An error as a result.</summary>
    public static implicit operator NatsResult<T>(Exception error) => new(error);
}
