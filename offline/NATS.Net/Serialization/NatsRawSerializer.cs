using System.Buffers;

namespace NATS.Client.Core;

/// <summary>Bytes as they are, in all their .NET forms.</summary>
public class NatsRawSerializer<T>(INatsSerializer<T>? next = default) : INatsSerializer<T>
{
    /// <summary>Bytes, then text and numbers.</summary>
    public static readonly NatsRawSerializer<T> Default = new(NatsUtf8PrimitivesSerializer<T>.Default);

    /// <inheritdoc/>
    public INatsSerializer<T> CombineWith(INatsSerializer<T>? next) => new NatsRawSerializer<T>(next);

    /// <inheritdoc/>
    public void Serialize(IBufferWriter<byte> bufferWriter, T value)
    {
        switch (value)
        {
            case byte[] bytes:
                bufferWriter.Write(bytes);
                break;
            case Memory<byte> memory:
                bufferWriter.Write(memory.Span);
                break;
            case ReadOnlyMemory<byte> memory:
                bufferWriter.Write(memory.Span);
                break;
            case ReadOnlySequence<byte> sequence:
                foreach (var segment in sequence)
                {
                    bufferWriter.Write(segment.Span);
                }

                break;
            case IMemoryOwner<byte> owner:
                using (owner)
                {
                    bufferWriter.Write(owner.Memory.Span);
                }

                break;
            default:
                (next ?? throw new NatsException($"Can't serialize {typeof(T)}")).Serialize(bufferWriter, value);
                break;
        }
    }

    /// <inheritdoc/>
    public T? Deserialize(in ReadOnlySequence<byte> buffer)
    {
        var isBytes = typeof(T) == typeof(byte[]) || typeof(T) == typeof(Memory<byte>) || typeof(T) == typeof(ReadOnlyMemory<byte>)
            || typeof(T) == typeof(ReadOnlySequence<byte>) || typeof(T) == typeof(IMemoryOwner<byte>)
            || typeof(T) == typeof(NatsMemoryOwner<byte>);
        if (!isBytes)
        {
            return (next ?? throw new NatsException($"Can't deserialize {typeof(T)}")).Deserialize(buffer);
        }

        if (buffer.IsEmpty)
        {
            return default;
        }

        if (typeof(T) == typeof(IMemoryOwner<byte>) || typeof(T) == typeof(NatsMemoryOwner<byte>))
        {
            var owner = NatsMemoryOwner<byte>.Allocate((int)buffer.Length);
            buffer.CopyTo(owner.Span);
            return (T)(object)owner;
        }

        var copy = buffer.ToArray();
        if (typeof(T) == typeof(Memory<byte>))
        {
            return (T)(object)new Memory<byte>(copy);
        }

        if (typeof(T) == typeof(ReadOnlyMemory<byte>))
        {
            return (T)(object)new ReadOnlyMemory<byte>(copy);
        }

        return typeof(T) == typeof(ReadOnlySequence<byte>) ? (T)(object)new ReadOnlySequence<byte>(copy) : (T)(object)copy;
    }
}
