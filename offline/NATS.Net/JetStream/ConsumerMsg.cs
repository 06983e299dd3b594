using System.Globalization;
using System.Text;
using NATS.Client.Core;

namespace NATS.Client.JetStream;

/// <summary>A message of a consumer and its acknowledgements.</summary>
internal sealed class ConsumerMsg<T>(NatsJSContext context, NatsMsg<T> msg) : INatsJSMsg<T>
{
    private static readonly byte[] Ack = "+ACK"u8.ToArray();
    private static readonly byte[] Nak = "-NAK"u8.ToArray();
    private static readonly byte[] Progress = "+WPI"u8.ToArray();
    private static readonly byte[] Terminate = "+TERM"u8.ToArray();

    public NatsMsg<T> Msg => msg;

    public string Subject => msg.Subject;

    public int Size => msg.Size;

    public NatsHeaders? Headers => msg.Headers;

    public T? Data => msg.Data;

    public INatsConnection? Connection => msg.Connection;

    public NatsJSMsgMetadata? Metadata => AckSubject.Parse(msg.ReplyTo);

    public string? ReplyTo => msg.ReplyTo;

    public NatsException? Error => msg.Error;

    public void EnsureSuccess() => msg.EnsureSuccess();

    public ValueTask AckAsync(AckOpts? opts = null, CancellationToken cancellationToken = default) =>
        SendAsync(Ack, opts, cancellationToken);

    public ValueTask NakAsync(AckOpts? opts = null, CancellationToken cancellationToken = default) =>
        opts?.NakDelay is { } delay && delay != TimeSpan.Zero
            ? SendAsync(
                Encoding.ASCII.GetBytes(string.Create(
                    CultureInfo.InvariantCulture, $"-NAK {{\"delay\": {delay.Ticks * TimeSpan.NanosecondsPerTick}}}")),
                opts,
                cancellationToken)
            : SendAsync(Nak, opts, cancellationToken);

    public ValueTask AckProgressAsync(AckOpts? opts = null, CancellationToken cancellationToken = default) =>
        SendAsync(Progress, opts, cancellationToken);

    public ValueTask AckTerminateAsync(AckOpts? opts = null, CancellationToken cancellationToken = default) =>
        SendAsync(
            opts?.TerminateReason is { Length: > 0 } reason ? Encoding.ASCII.GetBytes($"+TERM {reason}") : Terminate, opts, cancellationToken);

    private ValueTask SendAsync(byte[] payload, AckOpts? opts, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(msg.ReplyTo))
        {
            throw new NatsException("unable to send acknowledgment; ReplyTo is empty");
        }

        return opts?.DoubleAck ?? context.Opts.DoubleAck
            ? ConfirmAsync(payload, cancellationToken)
            : context.Link.PublishAsync(
                msg.ReplyTo, payload, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: cancellationToken);
    }

    private async ValueTask ConfirmAsync(byte[] payload, CancellationToken cancellationToken) =>
        await context.Link.RequestAsync<byte[], byte[]>(
            msg.ReplyTo!,
            payload,
            requestSerializer: NatsRawSerializer<byte[]>.Default,
            replySerializer: NatsRawSerializer<byte[]>.Default,
            cancellationToken: cancellationToken).ConfigureAwait(false);
}

/// <summary>The subject acknowledgements go to tells where the message stands.</summary>
internal static class AckSubject
{
    // $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<timestamp>.<pending>
    // $JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<timestamp>.<pending>[.<random>]
    public static NatsJSMsgMetadata? Parse(string? subject)
    {
        var tokens = subject?.Split('.') ?? [];
        if (tokens.Length is not (9 or >= 11) || tokens[0] != "$JS" || tokens[1] is not ("ACK" or "FC"))
        {
            return null;
        }

        var hasDomain = tokens.Length > 9;
        var rest = tokens.AsSpan(hasDomain ? 4 : 2);
        return new NatsJSMsgMetadata(
            new NatsJSSequencePair(Number(rest[3]), Number(rest[4])),
            Number(rest[2]),
            Number(rest[6]),
            DateTimeOffset.UnixEpoch.AddMilliseconds((long)Number(rest[5]) / 1_000_000),
            rest[0],
            rest[1],
            hasDomain && tokens[2] != "_" ? tokens[2] : "");
    }

    private static ulong Number(string token) => ulong.Parse(token, CultureInfo.InvariantCulture);
}
