using System.Buffers;
using System.Text;
using System.Text.Json;

namespace NATS.Client.Core;

// What one connection receives.
public partial class NatsConnection
{
    private int _unansweredPings;

    private void ApplyInfo(ReadOnlySpan<byte> json, Transport transport)
    {
        var info = JsonSerializer.Deserialize(json, ProtocolJson.Default.ServerInfo)
            ?? throw new NatsProtocolViolationException("Empty INFO");
        _serverInfo = info;
        ServerTags = NatsTelemetry.TagsOf(info);
        if (info.LameDuckMode)
        {
            _events.Post(LameDuckModeActivated, this, new NatsLameDuckModeActivatedEventArgs(transport.Server.Uri));
        }
    }

    /// <summary>The read loop of one connection. The first PONG, or -ERR, answers the client's introduction.</summary>
    private sealed class Receiver(NatsConnection connection, Transport transport) : IFrameHandler
    {
        private readonly TaskCompletionSource _answered = NewSignal();
        private readonly SubjectCache _subjects = new();

        public Task Answered => _answered.Task;

        public async Task ReadAsync()
        {
            Exception? reason = null;
            try
            {
                await FrameReader.ReadAllAsync(
                    transport.Input, this, connection.Opts.MaxPayloadHardCap, transport.ClosedToken).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                reason = e;
            }

            transport.Close(reason);
            _answered.TrySetException(reason ?? new NatsException("The server closed the connection"));
            _ = _answered.Task.Exception;
        }

        public ValueTask OnMessageAsync(in MessageFrame frame, ReadOnlySequence<byte> headers, ReadOnlySequence<byte> payload)
        {
            if (frame.Sid == SubscriptionTable.InboxSid)
            {
                if (connection._replies.TryTake(frame.Subject, out var reply))
                {
                    reply.Complete(
                        connection, new Delivery(reply.ReplyTo, Text(frame.ReplyTo), frame.HasHeaders, headers, payload));
                }

                return default;
            }

            return connection._subscriptions.TryGet(frame.Sid, out var subscription)
                ? subscription.ReceiveAsync(
                    new Delivery(_subjects.Get(frame.Subject), Text(frame.ReplyTo), frame.HasHeaders, headers, payload))
                : default;
        }

        public void OnInfo(ReadOnlySpan<byte> json) => connection.ApplyInfo(json, transport);

        public void OnPing() => connection._writer.Pong();

        public void OnPong()
        {
            Volatile.Write(ref connection._unansweredPings, 0);
            if (!_answered.TrySetResult() && !transport.Closed.IsCompleted)
            {
                connection._writer.OnPong();
            }
        }

        public void OnError(string error)
        {
            connection._logger.ServerError(error);
            connection._events.Post(connection.ServerError, connection, new NatsServerErrorEventArgs(error));
            if (_answered.TrySetException(new NatsServerException(error)))
            {
                _ = _answered.Task.Exception;
            }
        }

        private static string? Text(ReadOnlySpan<byte> bytes) => bytes.IsEmpty ? null : Encoding.UTF8.GetString(bytes);
    }
}
