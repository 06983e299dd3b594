using NATS.Client.Core;
using NATS.Client.Serializers.Json;

namespace NATS.Client.Core
{
    /// <summary>Bytes, text and numbers.</summary>
    public static class NatsDefaultSerializer<T>
    {
        /// <summary>The serializer.</summary>
        public static readonly INatsSerializer<T> Default = NatsRawSerializer<T>.Default;
    }

    /// <summary>Bytes, text and numbers: the default of a <see cref="NatsConnection"/>.</summary>
    public class NatsDefaultSerializerRegistry : INatsSerializerRegistry
    {
        /// <summary>The registry.</summary>
        public static readonly NatsDefaultSerializerRegistry Default = new();

        /// <inheritdoc/>
        public INatsSerialize<T> GetSerializer<T>() => NatsDefaultSerializer<T>.Default;

        /// <inheritdoc/>
        public INatsDeserialize<T> GetDeserializer<T>() => NatsDefaultSerializer<T>.Default;
    }

    /// <summary>Chains serializers: each passes on what it does not know.</summary>
    public class NatsSerializerBuilder<T>
    {
        private readonly List<INatsSerializer<T>> _serializers = [];

        /// <summary>Adds one behind the others.</summary>
        public NatsSerializerBuilder<T> Add(INatsSerializer<T> serializer)
        {
            _serializers.Add(serializer);
            return this;
        }

        /// <summary>The chain.</summary>
        public INatsSerializer<T> Build()
        {
            if (_serializers.Count == 0)
            {
                return NatsDefaultSerializer<T>.Default;
            }

            var chain = _serializers[^1];
            for (var i = _serializers.Count - 2; i >= 0; i--)
            {
                chain = _serializers[i].CombineWith(chain);
            }

            return chain;
        }
    }
}

namespace NATS.Net
{
    /// <summary>Bytes, text and numbers, and JSON for the rest.</summary>
    public static class NatsClientDefaultSerializer<T>
    {
        /// <summary>The serializer.</summary>
        public static readonly INatsSerializer<T> Default = new NatsSerializerBuilder<T>()
            .Add(new NatsRawSerializer<T>())
            .Add(new NatsUtf8PrimitivesSerializer<T>())
            .Add(new NatsJsonSerializer<T>())
            .Build();
    }

    /// <summary>Bytes, text and numbers, and JSON for the rest: the default of a <see cref="NatsClient"/>.</summary>
    public class NatsClientDefaultSerializerRegistry : INatsSerializerRegistry
    {
        /// <summary>The registry.</summary>
        public static readonly NatsClientDefaultSerializerRegistry Default = new();

        /// <inheritdoc/>
        public INatsSerialize<T> GetSerializer<T>() => NatsClientDefaultSerializer<T>.Default;

        /// <inheritdoc/>
        public INatsDeserialize<T> GetDeserializer<T>() => NatsClientDefaultSerializer<T>.Default;
    }
}
