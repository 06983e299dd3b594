using System.Buffers;

namespace NATS.Client.Core;

/// <summary>Pooled memory of an exact length; dispose it once to give it back.</summary>
public struct NatsMemoryOwner<T> : IMemoryOwner<T>
{
    private T[]? _array;

    private NatsMemoryOwner(int length)
    {
        _array = ArrayPool<T>.Shared.Rent(length);
        Length = length;
    }

    /// <summary>The length.</summary>
    public int Length { get; }

    /// <inheritdoc/>
    public readonly Memory<T> Memory => Array.AsMemory(0, Length);

    /// <summary>The memory as a span.</summary>
    public readonly Span<T> Span => Array.AsSpan(0, Length);

    private readonly T[] Array =>
        _array ?? (Length == 0 ? [] : throw new ObjectDisposedException(nameof(NatsMemoryOwner<T>)));

    /// <summary>Takes memory from the shared pool.</summary>
    public static NatsMemoryOwner<T> Allocate(int size) => new(size);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_array is { } array)
        {
            _array = null;
            ArrayPool<T>.Shared.Return(array);
        }
    }
}
