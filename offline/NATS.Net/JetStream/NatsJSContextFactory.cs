using NATS.Client.Core;
using NATS.Client.JetStream;

namespace NATS.Client.JetStream
{
    /// <summary>Makes JetStream contexts.</summary>
    public interface INatsJSContextFactory
    {
        /// <summary>With default options.</summary>
        INatsJSContext CreateContext(INatsConnection connection);

        /// <summary>With options.</summary>
        INatsJSContext CreateContext(INatsConnection connection, NatsJSOpts opts);
    }

    /// <summary>Makes JetStream contexts.</summary>
    public sealed class NatsJSContextFactory : INatsJSContextFactory
    {
        /// <inheritdoc/>
        public INatsJSContext CreateContext(INatsConnection connection) => new NatsJSContext(connection);

        /// <inheritdoc/>
        public INatsJSContext CreateContext(INatsConnection connection, NatsJSOpts opts) => new NatsJSContext(connection, opts);
    }
}

namespace NATS.Net
{
    /// <summary>JetStream on a client or a connection.</summary>
    public static class NatsClientExtensions
    {
        /// <summary>With default options.</summary>
        public static INatsJSContext CreateJetStreamContext(this INatsClient client) => new NatsJSContext(client.Connection);

        /// <summary>With default options.</summary>
        public static INatsJSContext CreateJetStreamContext(this INatsConnection connection) => new NatsJSContext(connection);

        /// <summary>With options.</summary>
        public static INatsJSContext CreateJetStreamContext(this INatsClient client, NatsJSOpts opts) =>
            new NatsJSContext(client.Connection, opts);

        /// <summary>With options.</summary>
        public static INatsJSContext CreateJetStreamContext(this INatsConnection connection, NatsJSOpts opts) =>
            new NatsJSContext(connection, opts);
    }
}
