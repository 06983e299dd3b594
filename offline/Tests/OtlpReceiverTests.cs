using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace EventShop.Tests.Offline;

/// <summary>The page's OTLP endpoint against senders that are not the SDK: broken, odd, too large, too many.</summary>
public sealed class OtlpReceiverTests
{
    private const string GrpcTraces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    private static readonly byte[] TraceId = [.. Enumerable.Range(1, 16).Select(i => (byte)i)];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static string Id => Convert.ToHexStringLower(TraceId);

    public static TheoryData<string, byte[]> Malformed { get; } = new()
    {
        { "cut off", Request(Span(TraceId, 1, "x"))[..^3] },
        { "a length beyond the end", [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07] },
        { "a number of more than 64 bits", [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01] },
        { "field number 0", [0x02, 0x00] },
        { "a group", [0x13, 0x14] },
        { "the spans as a number", [0x08, 0x01] },
        { "a trace id of 3 bytes", Request(Field(1, [1, 2, 3]), Field(2, new byte[8])) },
        { "no ids", Request(Field(5, "x"u8)) },
        { "values nested without end", Request(Span(TraceId, 1, "x"), Field(9, [.. Field(1, "k"u8), .. Field(2, Nested(40))])) },
        { "text", "this is not protobuf"u8.ToArray() },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task Malformed_requests_are_refused_and_keep_nothing(string what, byte[] body)
    {
        await using var app = await DashboardApplication.StartAsync();

        var http = await Http(app, "/v1/traces", body);
        var grpc = await Grpc(app, GrpcTraces, Frame(body));

        Assert.True(http == HttpStatusCode.BadRequest, what);
        Assert.True(grpc == "3", $"{what}: {grpc}");
        using var page = await app.Client.GetAsync($"/traces/{Id}", Token);
        Assert.Equal(HttpStatusCode.NotFound, page.StatusCode);
    }

    [Fact]
    public async Task Frames_that_are_not_one_message_are_refused()
    {
        await using var app = await DashboardApplication.StartAsync();
        var frame = Frame(Request(Span(TraceId, 1, "x")));

        Assert.Equal("3", await Grpc(app, GrpcTraces, []));
        Assert.Equal("3", await Grpc(app, GrpcTraces, frame[..^1]));
        Assert.Equal("3", await Grpc(app, GrpcTraces, [.. frame, .. frame]));
        Assert.Equal("0", await Grpc(app, GrpcTraces, frame));
    }

    [Fact]
    public async Task What_is_not_known_is_skipped()
    {
        await using var app = await DashboardApplication.StartAsync();
        // One field of each wire type that no version of the protocol has.
        byte[] unknown = [0xC8, 0x3E, 0x01, 0xC9, 0x3E, 1, 2, 3, 4, 5, 6, 7, 8, 0xCA, 0x3E, 0x01, 0x00, 0xCD, 0x3E, 1, 2, 3, 4];

        var status = await Http(app, "/v1/traces", [.. unknown, .. Request(unknown, Span(TraceId, 1, "with unknown fields"), unknown)]);

        Assert.Equal(HttpStatusCode.OK, status);
        await app.Page($"/traces/{Id}", "with unknown fields");
    }

    [Fact]
    public async Task Logs_and_metrics_are_taken_and_forgotten()
    {
        await using var app = await DashboardApplication.StartAsync();

        foreach (var (path, service) in ((string, string)[])[("/v1/logs", "logs.v1.LogsService"), ("/v1/metrics", "metrics.v1.MetricsService")])
            Assert.Equal(
                (HttpStatusCode.OK, "0"),
                (await Http(app, path, [1, 2, 3]), await Grpc(app, $"/opentelemetry.proto.collector.{service}/Export", Frame([1, 2, 3]))));
    }

    [Fact]
    public async Task Compressed_requests_are_read_and_bombs_are_not()
    {
        await using var app = await DashboardApplication.StartAsync();
        var body = Request(Span(TraceId, 1, "compressed"));
        var bomb = Gzip(new byte[64 << 20]);

        Assert.Equal(HttpStatusCode.OK, await Http(app, "/v1/traces", Gzip(body), "gzip"));
        Assert.Equal("0", await Grpc(app, GrpcTraces, Frame(Gzip(body), compressed: true), "gzip"));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await Http(app, "/v1/traces", bomb, "gzip"));
        Assert.Equal("8", await Grpc(app, GrpcTraces, Frame(bomb, compressed: true), "gzip"));
        Assert.Equal(HttpStatusCode.BadRequest, await Http(app, "/v1/traces", body, "gzip"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, await Http(app, "/v1/traces", body, "zstd"));
        Assert.Equal("12", await Grpc(app, GrpcTraces, Frame(body, compressed: true), "zstd"));
    }

    [Fact]
    public async Task Other_media_types_are_refused()
    {
        await using var app = await DashboardApplication.StartAsync();
        using var json = new StringContent("{}", Encoding.UTF8, "application/json");

        using var answer = await app.Client.PostAsync("/v1/traces", json, Token);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
    }

    [Fact]
    public async Task The_oldest_of_many_traces_are_forgotten()
    {
        await using var app = await DashboardApplication.StartAsync();
        var ids = Enumerable.Range(1, 600).Select(i => new byte[12].Concat(BitConverter.GetBytes(i)).ToArray()).ToArray();

        await Http(app, "/v1/traces", [.. ids.SelectMany(id => Request(Span(id, 1, "one of many")))]);

        async Task<HttpStatusCode> Status(int i)
        {
            using var answer = await app.Client.GetAsync($"/traces/{Convert.ToHexStringLower(ids[i])}", Token);
            return answer.StatusCode;
        }

        Assert.Equal(HttpStatusCode.NotFound, await Status(0));
        Assert.Equal(HttpStatusCode.NotFound, await Status(99));
        Assert.Equal(HttpStatusCode.OK, await Status(100));
        Assert.Equal(HttpStatusCode.OK, await Status(599));
    }

    [Fact]
    public async Task A_trace_without_end_is_cut_and_says_so()
    {
        await using var app = await DashboardApplication.StartAsync();

        foreach (var batch in Enumerable.Range(1, 20_000).Chunk(4_000))
            Assert.Equal(HttpStatusCode.OK, await Http(app, "/v1/traces", [.. batch.SelectMany(i => Request(Span(TraceId, i, "again")))]));

        Assert.Matches("[0-9]+ more spans are not held", await app.Page($"/traces/{Id}", "not held"));
    }

    [Fact]
    public async Task A_batch_that_is_sent_again_shows_once()
    {
        await using var app = await DashboardApplication.StartAsync();
        var body = Request(Span(TraceId, 1, "sent twice"));

        await Http(app, "/v1/traces", body);
        await Http(app, "/v1/traces", body);

        await app.Page($"/traces/{Id}", "· 1 spans");
    }

    [Fact]
    public async Task Spans_that_are_each_others_parents_show_all_the_same()
    {
        await using var app = await DashboardApplication.StartAsync();

        await Http(app, "/v1/traces", [.. Request(Span(TraceId, 1, "hen", parent: 2)), .. Request(Span(TraceId, 2, "egg", parent: 1))]);

        await app.Page($"/traces/{Id}", "hen");
        await app.Page($"/traces/{Id}", "egg");
    }

    private static async Task<HttpStatusCode> Http(DashboardApplication app, string path, byte[] body, string? encoding = null)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        if (encoding is not null)
            content.Headers.ContentEncoding.Add(encoding);
        using var answer = await app.Client.PostAsync(path, content, Token);
        return answer.StatusCode;
    }

    private static async Task<string> Grpc(DashboardApplication app, string path, byte[] body, string? encoding = null)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(new Uri(app.Otlp), path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        if (encoding is not null)
            request.Headers.Add("grpc-encoding", encoding);
        using var answer = await app.Client.SendAsync(request, Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return answer.TrailingHeaders.TryGetValues("grpc-status", out var trailer)
            ? trailer.Single()
            : answer.Headers.GetValues("grpc-status").Single();
    }

    private static byte[] Request(params byte[][] spanFields) =>
        Field(1, Field(2, Field(2, spanFields.SelectMany(f => f).ToArray())));

    private static byte[] Span(byte[] traceId, int id, string name, int parent = 0) =>
    [
        .. Field(1, traceId), .. Field(2, BitConverter.GetBytes((long)id)),
        .. parent == 0 ? [] : Field(4, BitConverter.GetBytes((long)parent)), .. Field(5, Encoding.UTF8.GetBytes(name)),
    ];

    private static byte[] Nested(int depth) => depth == 0 ? [] : Field(5, Field(1, Nested(depth - 1)));

    private static byte[] Field(int number, ReadOnlySpan<byte> content)
    {
        List<byte> field = [(byte)((number << 3) | 2)];
        var length = content.Length;
        for (; length >= 0x80; length >>= 7)
            field.Add((byte)(length | 0x80));
        field.Add((byte)length);
        field.AddRange(content);
        return [.. field];
    }

    private static byte[] Frame(byte[] message, bool compressed = false)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    private static byte[] Gzip(byte[] content)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(content);
        return packed.ToArray();
    }
}
