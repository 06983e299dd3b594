using System.Buffers;

namespace NATS.Client.Core;

/// <summary>Writes data.</summary>
public interface INatsSerialize<in T>
{
    /// <summary>Writes <paramref name="value"/> to the buffer.</summary>
    void Serialize(IBufferWriter<byte> bufferWriter, T value);
}

/// <summary>Reads data.</summary>
public interface INatsDeserialize<out T>
{
    /// <summary>Reads a value; the buffer is only valid during the call.</summary>
    T? Deserialize(in ReadOnlySequence<byte> buffer);
}

/// <summary>Writes and reads data, and passes on what it does not know.</summary>
public interface INatsSerializer<T> : INatsSerialize<T>, INatsDeserialize<T>
{
    /// <summary>The same serializer with another one behind it.</summary>
    INatsSerializer<T> CombineWith(INatsSerializer<T> next);
}

/// <summary>Serializers by type.</summary>
public interface INatsSerializerRegistry
{
    /// <summary>The serializer of a type.</summary>
    INatsSerialize<T> GetSerializer<T>();

    /// <summary>The deserializer of a type.</summary>
    INatsDeserialize<T> GetDeserializer<T>();
}
