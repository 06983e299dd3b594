using System.Collections.Concurrent;
using System.Diagnostics;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class TracingTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact(Timeout = Limit)]
    public async Task A_consumed_message_continues_the_trace_of_its_publisher()
    {
        using var traces = new Recorder();
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        var subject = $"{stream.Info.Config.Name}.created.eu";
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("traced"), Ct);

        ActivityTraceId trace;
        using (var root = traces.StartRoot())
        {
            trace = root.TraceId;
            Assert.True((await js.PublishAsync(subject, "order", cancellationToken: Ct)).IsSuccess());
        }

        var msg = Assert.IsAssignableFrom<INatsJSMsg<string>>(await consumer.NextAsync<string>(cancellationToken: Ct));
        Assert.Null(Activity.Current);
        using (var work = msg.StartActivity("process order"))
        {
            Assert.Equal(trace, work!.TraceId);
            Assert.Equal((ActivityKind.Internal, "NATS.Net"), (work.Kind, work.Source.Name));
        }

        var publish = traces.Single(trace, $"{stream.Info.Config.Name}.created publish");
        var receive = traces.Single(trace, $"{stream.Info.Config.Name}.created receive");
        Assert.Equal(ActivityKind.Producer, publish.Kind);
        Assert.Equal(ActivityKind.Consumer, receive.Kind);
        Assert.Equal(publish.SpanId, receive.ParentSpanId);
        Assert.Equal(receive.SpanId, traces.Single(trace, "process order").ParentSpanId);
        Assert.Equal(receive.Context, msg.Headers.GetActivityContext());
        Assert.Equal($"00-{trace}-{publish.SpanId}-01", msg.Headers?["traceparent"]);
        Assert.Equal("nats", publish.GetTagItem("messaging.system"));
        Assert.Equal("publish", publish.GetTagItem("messaging.operation"));
        Assert.Equal(subject, publish.GetTagItem("messaging.destination.name"));
        Assert.Equal("receive", receive.GetTagItem("messaging.operation"));
        Assert.Equal($"{nats.Server.Port}", receive.GetTagItem("server.port"));
    }

    [Fact(Timeout = Limit)]
    public async Task A_request_is_a_span_above_its_publish()
    {
        using var traces = new Recorder();
        await using var connection = Connect(nats.Server.Url);
        await connection.ConnectAsync();
        var subject = Unique("nobody.");

        using var root = traces.StartRoot();
        await Assert.ThrowsAsync<NatsNoRespondersException>(
            async () => await connection.RequestAsync<string, string>(subject, "hello", cancellationToken: Ct));

        var request = traces.Single(root.TraceId, $"{subject} request");
        var publish = traces.Single(root.TraceId, $"{subject} publish");
        Assert.Equal(root.SpanId, request.ParentSpanId);
        Assert.Equal(request.SpanId, publish.ParentSpanId);
        Assert.Equal(ActivityStatusCode.Error, request.Status);
        Assert.Equal(ActivityStatusCode.Unset, publish.Status);
    }

    [Fact(Timeout = Limit)]
    public async Task A_filtered_publish_has_no_span_and_carries_no_context()
    {
        using var traces = new Recorder();
        await using var connection = Connect(nats.Server.Url);
        var quiet = Unique("quiet.");
        await using var sub = await connection.SubscribeCoreAsync<string>(quiet, cancellationToken: Ct);
        await connection.PingAsync(Ct);

        // The filter is the process's: it must leave other tests alone.
        NatsInstrumentationOptions.Default.Filter = context => context.Subject != quiet;
        try
        {
            using var root = traces.StartRoot();
            await connection.PublishAsync(quiet, "hush", cancellationToken: Ct);
            var msg = await sub.Msgs.ReadAsync(Ct);

            Assert.False(msg.Headers?.ContainsKey("traceparent") ?? false);
            Assert.DoesNotContain(traces.Of(root.TraceId), activity => activity.DisplayName.Contains("quiet"));
        }
        finally
        {
            NatsInstrumentationOptions.Default.Filter = null;
        }
    }

    /// <summary>Records the spans of its own traces and lets those of other tests be.</summary>
    private sealed class Recorder : IDisposable
    {
        private readonly ActivitySource _source = new(Unique("test"));
        private readonly ConcurrentDictionary<ActivityTraceId, bool> _traces = new();
        private readonly ConcurrentQueue<Activity> _stopped = new();
        private readonly ActivityListener _listener;

        public Recorder()
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source == _source || source.Name == "NATS.Net",
                Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                    options.Source == _source || _traces.ContainsKey(options.Parent.TraceId)
                        ? ActivitySamplingResult.AllDataAndRecorded
                        : ActivitySamplingResult.None,
                ActivityStopped = _stopped.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public Activity StartRoot()
        {
            Activity.Current = null;
            var root = _source.StartActivity("root") ?? throw new InvalidOperationException("The root span was not sampled");
            _traces[root.TraceId] = true;
            return root;
        }

        public IEnumerable<Activity> Of(ActivityTraceId trace) => _stopped.Where(activity => activity.TraceId == trace);

        public Activity Single(ActivityTraceId trace, string name) =>
            Assert.Single(Of(trace), activity => activity.DisplayName == name);

        public void Dispose()
        {
            _listener.Dispose();
            _source.Dispose();
        }
    }
}
