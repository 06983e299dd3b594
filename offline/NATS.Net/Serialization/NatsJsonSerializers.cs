using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using NATS.Client.Core;

namespace NATS.Client.Core
{
    /// <summary>JSON by source-generated contexts; the first that knows the type is used.</summary>
    public sealed class NatsJsonContextSerializer<T>(
        JsonSerializerContext[] contexts, INatsSerializer<T>? next = default) : INatsSerializer<T>
    {
        private readonly JsonTypeInfo<T>? _type =
            contexts.Select(context => context.GetTypeInfo(typeof(T))).OfType<JsonTypeInfo<T>>().FirstOrDefault();

        /// <summary>With one context.</summary>
        public NatsJsonContextSerializer(JsonSerializerContext context, INatsSerializer<T>? next = default)
            : this([context], next)
        {
        }

        /// <inheritdoc/>
        public INatsSerializer<T> CombineWith(INatsSerializer<T> next) => new NatsJsonContextSerializer<T>(contexts, next);

        /// <inheritdoc/>
        public void Serialize(IBufferWriter<byte> bufferWriter, T value)
        {
            if (_type is null)
            {
                (next ?? throw new NatsException($"Can't serialize {typeof(T)}")).Serialize(bufferWriter, value);
                return;
            }

            var writer = JsonWriters.Rent(bufferWriter);
            JsonSerializer.Serialize(writer, value, _type);
            JsonWriters.Return(writer);
        }

        /// <inheritdoc/>
        public T? Deserialize(in ReadOnlySequence<byte> buffer)
        {
            if (buffer.IsEmpty)
            {
                return default;
            }

            if (_type is null)
            {
                return (next ?? throw new NatsException($"Can't deserialize {typeof(T)}")).Deserialize(buffer);
            }

            var reader = new Utf8JsonReader(buffer);
            return JsonSerializer.Deserialize(ref reader, _type);
        }
    }

    /// <summary>JSON by source-generated contexts, for every type they know.</summary>
    public sealed class NatsJsonContextSerializerRegistry(params JsonSerializerContext[] contexts) : INatsSerializerRegistry
    {
        /// <inheritdoc/>
        public INatsSerialize<T> GetSerializer<T>() => new NatsJsonContextSerializer<T>(contexts);

        /// <inheritdoc/>
        public INatsDeserialize<T> GetDeserializer<T>() => new NatsJsonContextSerializer<T>(contexts);
    }

    /// <summary>One JSON writer per thread, lent out for one value at a time.</summary>
    internal static class JsonWriters
    {
        [ThreadStatic]
        private static Utf8JsonWriter? _writer;

        public static Utf8JsonWriter Rent(IBufferWriter<byte> to)
        {
            if (_writer is not { } writer)
            {
                return new Utf8JsonWriter(to, new JsonWriterOptions { SkipValidation = true });
            }

            _writer = null;
            writer.Reset(to);
            return writer;
        }

        public static void Return(Utf8JsonWriter writer)
        {
            writer.Flush();
            writer.Reset(Stream.Null);
            _writer = writer;
        }
    }
}

namespace NATS.Client.Serializers.Json
{
    /// <summary>JSON of any type, by reflection.</summary>
    public sealed class NatsJsonSerializer<T>(JsonSerializerOptions opts) : INatsSerializer<T>
    {
        /// <summary>With the default options: names as in C#.</summary>
        public NatsJsonSerializer()
            : this(JsonSerializerOptions.Default)
        {
        }

        /// <summary>With the default options.</summary>
        public static NatsJsonSerializer<T> Default { get; } = new();

        /// <summary>Not supported: JSON takes every type.</summary>
        public INatsSerializer<T> CombineWith(INatsSerializer<T> next) => throw new NotSupportedException();

        /// <inheritdoc/>
        public void Serialize(IBufferWriter<byte> bufferWriter, T? value)
        {
            var writer = JsonWriters.Rent(bufferWriter);
            JsonSerializer.Serialize(writer, value, opts);
            JsonWriters.Return(writer);
        }

        /// <inheritdoc/>
        public T? Deserialize(in ReadOnlySequence<byte> buffer)
        {
            if (buffer.IsEmpty)
            {
                return default;
            }

            var reader = new Utf8JsonReader(buffer);
            return JsonSerializer.Deserialize<T>(ref reader, opts);
        }
    }

    /// <summary>JSON for every type.</summary>
    public sealed class NatsJsonSerializerRegistry : INatsSerializerRegistry
    {
        /// <summary>With the default options.</summary>
        public static readonly NatsJsonSerializerRegistry Default = new();

        /// <inheritdoc/>
        public INatsSerialize<T> GetSerializer<T>() => NatsJsonSerializer<T>.Default;

        /// <inheritdoc/>
        public INatsDeserialize<T> GetDeserializer<T>() => NatsJsonSerializer<T>.Default;
    }
}
