using System.Collections.Concurrent;
using System.Net.Mime;
using System.Text;
using System.Text.Json;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging.Tests;

/// <summary>Events of strangers: what the CloudEvents specification allows is handled, the rest is poison with words that say what.</summary>
public sealed class CloudEventTests(CloudEventTests.Receiver receiver) : IClassFixture<CloudEventTests.Receiver>
{
    private const string Body = """{"id":"0192f3a0-0000-7000-8000-000000000000","number":NUMBER}""";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("2026-06-30T23:59:59.1234567890Z", "2026-06-30T23:59:59.1234567Z")]
    [InlineData("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z")]
    [InlineData("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.5Z")]
    [InlineData("2016-12-31T15:59:60-08:00", "2017-01-01T00:00:00Z")]
    [InlineData("1990-01-01t05:29:60+05:30", "1990-01-01T00:00:00Z")]
    [InlineData("2026-01-01t00:00:00z", "2026-01-01T00:00:00Z")]
    [InlineData("2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00Z")]
    [InlineData("2026-01-01T00:00:00+23:59", "2025-12-31T00:01:00Z")]
    public async Task A_time_is_any_that_RFC_3339_allows(string time, string read)
    {
        var context = await receiver.HandledAsync(Ping.Headers(headers => headers["ce-time"] = time), Body);

        Assert.Equal(DateTimeOffset.Parse(read, System.Globalization.CultureInfo.InvariantCulture), context.Time);
    }

    [Fact]
    public async Task An_event_without_a_time_has_that_of_the_broker()
    {
        var before = TimeProvider.System.GetUtcNow();

        var context = await receiver.HandledAsync(Ping.Headers(headers => headers.Remove("ce-time")), Body);

        Assert.InRange(context.Time, before - TimeSpan.FromSeconds(1), TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task An_id_that_is_no_UUID_is_known_again_together_with_its_source()
    {
        var first = await receiver.HandledAsync(Event("evt-1", "/a"), Body);
        var again = await receiver.HandledAsync(Event("evt-1", "/a"), Body);
        var others = new[]
        {
            await receiver.HandledAsync(Event("evt-1", "/b"), Body),
            await receiver.HandledAsync(Event("EVT-1", "/a"), Body),
            await receiver.HandledAsync(Event("1", "/a"), Body),
            await receiver.HandledAsync(Event(new string('x', 5000), "/a"), Body),
        };

        Assert.Equal((first.EventId, "/a"), (again.EventId, again.Source));
        Assert.Distinct([first.EventId, .. others.Select(other => other.EventId)]);
        Assert.DoesNotContain(Guid.Empty, others.Select(other => other.EventId));

        static NatsHeaders Event(string id, string source) => Ping.Headers(headers => (headers["ce-id"], headers["ce-source"]) = (id, source));
    }

    [Fact]
    public async Task An_id_that_is_a_UUID_is_the_identity_of_the_event()
    {
        var id = Guid.NewGuid();

        var context = await receiver.HandledAsync(Ping.Headers(headers => headers["ce-id"] = id.ToString()), Body);

        Assert.Equal(id, context.EventId);
    }

    [Theory]
    [InlineData("/caf%C3%A9%20%F0%9F%98%80", "/café 😀")]
    [InlineData("/%41%62%25", "/Ab%")]
    [InlineData("/%c3%a9", "/é")]
    [InlineData("\"/quoted \\\"string\\\\\"", "/quoted \"string\\")]
    [InlineData("/50% off", "/50% off")]
    public async Task A_header_is_read_as_the_NATS_binding_writes_it(string header, string source)
    {
        var context = await receiver.HandledAsync(Ping.Headers(headers => headers["ce-source"] = header), Body);

        Assert.Equal(source, context.Source);
    }

    [Fact]
    public async Task Names_of_headers_are_read_in_any_case()
    {
        var id = Guid.NewGuid();

        var context = await receiver.HandledAsync(
            new() { ["CE-SpecVersion"] = "1.0", ["CE-ID"] = id.ToString(), ["Ce-Source"] = "/loud", ["CE-TYPE"] = Ping.Type }, Body);

        Assert.Equal((id, "/loud"), (context.EventId, context.Source));
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("Application/JSON; Charset=\"UTF-8\"")]
    [InlineData("application/vnd.ping+json;charset=utf-8;v=2")]
    public async Task Data_may_be_of_any_JSON_type(string type) =>
        await receiver.HandledAsync(Ping.Headers(headers => headers["ce-datacontenttype"] = type), Body);

    [Theory]
    [InlineData("application/cloudevents+json")]
    [InlineData("Application/CloudEvents+JSON; charset=UTF-8")]
    [InlineData("application/cloudevents")]
    public async Task An_event_in_structured_mode_is_handled(string contentType)
    {
        var context = await receiver.HandledAsync(new() { ["Content-Type"] = contentType }, $$"""
            {"specversion":"1.0","id":"evt-7","source":"/stranger","type":"{{Ping.Type}}","time":null,"extension":5,"subject":null,"data":{{Body}}}
            """);

        Assert.Equal(("/stranger", Ping.Type, 1), (context.Source, context.Type, context.Attempt));
    }

    [Fact]
    public async Task An_event_is_the_same_in_either_mode()
    {
        var binary = await receiver.HandledAsync(
            Ping.Headers(headers => (headers["ce-id"], headers["ce-source"]) = ("evt-8", "/caf%C3%A9")), Body);
        var structured = await receiver.HandledAsync(new() { ["content-type"] = "application/cloudevents+json" }, $$"""
            {"specversion":"1.0","id":"evt-8","source":"/café","type":"{{Ping.Type}}","time":"2026-01-01T00:00:00Z","data":{{Body}}}
            """);

        Assert.Equal(binary with { Headers = structured.Headers }, structured);
    }

    [Fact]
    public async Task Events_that_the_CloudEvents_SDK_writes_are_handled()
    {
        var time = new DateTimeOffset(2026, 11, 26, 12, 0, 0, 123, TimeSpan.FromHours(2));
        foreach (var data in new Func<int, object>[]
        {
            number => JsonElement.Parse(Numbered(Body, number)),
            number => Encoding.UTF8.GetBytes(Numbered(Body, number)),
        })
        {
            var context = await receiver.HandledAsync(number =>
            {
                var written = new JsonEventFormatter().EncodeStructuredModeMessage(
                    new CloudEvent(CloudEventsSpecVersion.V1_0)
                    {
                        Id = "A234-1234-1234",
                        Source = new Uri("https://example.com/storage"),
                        Type = Ping.Type,
                        Time = time,
                        Data = data(number),
                        DataContentType = data(number) is byte[]? "application/vnd.ping+json" : null,
                        Subject = "order 42",
                    },
                    out var contentType);
                return (new() { ["Content-Type"] = contentType.ToString() }, written.ToArray());
            });

            Assert.Equal(("https://example.com/storage", time), (context.Source, context.Time));
        }
    }

    [Fact]
    public async Task Events_of_ours_are_events_to_the_CloudEvents_SDK()
    {
        var stored = Ping.Event(receiver.Next());
        await receiver.Service.StoreAsync(stored);
        var message = await Eventually.Value("it is in the stream", receiver.LastAsync, message => $"{message.Headers?["ce-id"]}" == stored.Id.ToString());

        var read = new CloudEvent(CloudEventsSpecVersion.V1_0);
        foreach (var header in message.Headers!)
            if (header.Key.StartsWith("ce-", StringComparison.Ordinal) && header.Key != "ce-specversion")
                read.SetAttributeFromString(header.Key[3..], header.Value!);

        Assert.True(read.IsValid);
        Assert.Equal((stored.Id.ToString(), "/ping-service", Ping.Type, stored.Key.ToString()), (read.Id, read.Source!.ToString(), read.Type, read.Subject));
        Assert.Equal(stored.Time, read.Time);
    }

    public static TheoryData<string, string?, string> Malformed => new()
    {
        { "ce-specversion", null, "header ce-specversion is missing" },
        { "ce-specversion", "0.3", "header ce-specversion is not 1.0" },
        { "ce-specversion", "1.1", "header ce-specversion is not 1.0" },
        { "ce-id", null, "header ce-id is missing" },
        { "ce-id", "", "header ce-id is missing" },
        { "ce-id", "%00", "header ce-id has a control character" },
        { "ce-id", "%C0%A0", "header ce-id is not UTF-8" },
        { "ce-source", null, "header ce-source is missing" },
        { "ce-source", "%ff", "header ce-source is not UTF-8" },
        { "ce-type", null, "header ce-type is missing" },
        { "ce-time", "", "header ce-time is not an RFC 3339 time" },
        { "ce-time", "yesterday", "header ce-time is not an RFC 3339 time" },
        { "ce-time", "2026-01-01", "header ce-time is not an RFC 3339 time" },
        { "ce-time", "2026-01-01T00:00:00", "header ce-time is not an RFC 3339 time" },
        { "ce-time", "2026-02-30T00:00:00Z", "header ce-time is not an RFC 3339 time" },
        { "ce-time", "2026-01-01T12:00:60Z", "header ce-time is not an RFC 3339 time" },
        { "ce-time", "2026-01-01T00:00:61Z", "header ce-time is not an RFC 3339 time" },
        { "ce-time", "9999-12-31T23:59:60Z", "header ce-time is not an RFC 3339 time" },
        { "ce-time", "0001-01-01T00:00:00+01:00", "header ce-time is not an RFC 3339 time" },
        { "ce-datacontenttype", "application/xml", "header ce-datacontenttype is not JSON" },
        { "ce-datacontenttype", "application/json;charset=utf-16", "header ce-datacontenttype is not JSON in UTF-8" },
        { "content-type", "application/cloudevents+xml", "content-type is an event format other than" },
        { "content-type", "application/cloudevents-batch+json", "content-type is an event format other than" },
        { "content-type", "application/cloudevents+json; charset=utf-16", "content-type is an event format other than" },
        { "content-type", "application/cloudevents; charset=utf-16", "content-type is an event format other than" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task What_the_specification_does_not_allow_is_poison(string header, string? value, string reason)
    {
        var refused = await receiver.RefusedAsync(Ping.Headers(headers =>
        {
            if (value is null)
                headers.Remove(header);
            else
                headers[header] = value;
        }), Body);

        Assert.StartsWith(reason, refused, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_attribute_that_is_there_twice_is_poison()
    {
        var refused = await receiver.RefusedAsync(Ping.Headers(headers => headers["ce-id"] = new string[] { "a", "b" }), Body);

        Assert.Equal("header ce-id is there 2 times", refused);
    }

    [Theory]
    [InlineData("this is no JSON", "the body is not a CloudEvent as JSON")]
    [InlineData("[]", "the body is not a CloudEvent as JSON")]
    [InlineData("", "the body is not a CloudEvent as JSON")]
    [InlineData("""{"id":"a","source":"/s","type":"t","data":{}}""", "member specversion is missing")]
    [InlineData("""{"specversion":1.0,"id":"a","source":"/s","type":"t","data":{}}""", "member specversion is not a string")]
    [InlineData("""{"specversion":"1.0","id":"a","id":"b","source":"/s","type":"t","data":{}}""", "the body is not a CloudEvent as JSON")]
    [InlineData("""{"specversion":"1.0","id":null,"source":"/s","type":"t","data":{}}""", "member id is missing")]
    [InlineData("""{"specversion":"1.0","id":"\ud800","source":"/s","type":"t","data":{}}""", "member id is not Unicode")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"t","time":"noon","data":{}}""", "member time is not an RFC 3339 time")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"t","data":{},"data_base64":"e30="}""", "there are both data and data_base64")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"t","data_base64":"!"}""", "member data_base64 is not Base64")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"t","datacontenttype":"text/plain","data":"{}"}""", "member datacontenttype is not JSON")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"eventshop.tests.ping.v1"}""", "the body is not a eventshop.tests.ping.v1")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"eventshop.tests.ping.v1","data":null}""", "the body is null")]
    public async Task A_structured_event_that_the_specification_does_not_allow_is_poison(string body, string reason)
    {
        var refused = await receiver.RefusedAsync(new() { ["content-type"] = "application/cloudevents+json" }, body);

        Assert.StartsWith(reason, refused, StringComparison.Ordinal);
    }

    private static string Numbered(string body, int number) => body.Replace("NUMBER", $"{number}", StringComparison.Ordinal);

    /// <summary>A service that handles pings, and what became of messages.</summary>
    public sealed class Receiver(SharedPostgres postgres) : IAsyncLifetime
    {
        private readonly ConcurrentDictionary<int, MessageContext> _handled = new();
        private NatsServer _nats = null!;
        private int _number;

        public TestService Service { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            _nats = await NatsServer.StartAsync();
            Service = await TestService.StartAsync(_nats, postgres.NewDatabase(), script: new PingScript
            {
                Handle = (ping, context, _) => Task.FromResult(_handled[ping.Number] = context),
            });
            await Eventually.True("it consumes", async () => await Service.ConsumerAsync() is not null);
        }

        public async ValueTask DisposeAsync()
        {
            await Service.DisposeAsync();
            await _nats.DisposeAsync();
        }

        public int Next() => Interlocked.Increment(ref _number);

        /// <returns>What the handler was told of the message.</returns>
        public Task<MessageContext> HandledAsync(NatsHeaders headers, string body) =>
            HandledAsync(number => (headers, Encoding.UTF8.GetBytes(Numbered(body, number))));

        public async Task<MessageContext> HandledAsync(Func<int, (NatsHeaders Headers, byte[] Body)> message)
        {
            var number = Next();
            var (headers, body) = message(number);
            await PublishAsync(headers, body);
            await Eventually.True("it is handled", async () => _handled.ContainsKey(number)
                || (await LetterAsync() is { } letter && letter["case"].Equals(headers["case"]) ? throw new InvalidDataException(letter["dead-letter-reason"]) : false));
            return _handled[number];
        }

        /// <returns>The reason of the message's dead letter.</returns>
        public async Task<string> RefusedAsync(NatsHeaders headers, string body)
        {
            await PublishAsync(headers, Encoding.UTF8.GetBytes(Numbered(body, Next())));
            var letter = await Eventually.Value("it is a dead letter", LetterAsync, letter => letter?["case"].Equals(headers["case"]) is true);
            Assert.Equal("1", letter!["dead-letter-attempts"]);
            return letter["dead-letter-reason"].ToString();
        }

        /// <returns>The last message that was published.</returns>
        public async Task<NatsMsg<byte[]>> LastAsync() => await LastAsync("PINGS");

        private async Task PublishAsync(NatsHeaders headers, byte[] body)
        {
            headers["case"] = Guid.NewGuid().ToString();
            (await Service.JetStream.PublishAsync("pings.sent", body, headers: headers, cancellationToken: Cancelled)).EnsureSuccess();
        }

        private async Task<NatsHeaders?> LetterAsync() => (await LastAsync(TestService.DeadLetters)).Headers is { Code: 0 } headers
            ? headers
            : null;

        /// <summary>The last message of a stream; a status of 404 when it has none.</summary>
        private async Task<NatsMsg<byte[]>> LastAsync(string name)
        {
            var stream = await Service.JetStream.GetStreamAsync(name, cancellationToken: Cancelled);
            return await stream.GetDirectAsync<byte[]>(new StreamMsgGetRequest { Seq = Math.Max(1, (ulong)stream.Info.State.LastSeq) }, cancellationToken: Cancelled);
        }
    }
}
