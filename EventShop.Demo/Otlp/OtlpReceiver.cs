using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace EventShop.Demo.Otlp;

/// <summary>Where services can send their telemetry by OTLP over gRPC, the exporters' default protocol. Keeps everything in memory.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private const string Traces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

    /// <summary>A byte that says whether it is compressed, and the message's length.</summary>
    private const int FrameHeader = 1 + sizeof(int);

    private readonly ConcurrentQueue<Span> _spans = new();
    private readonly ConcurrentQueue<byte[]> _messages = new();
    private readonly WebApplication _app;

    private OtlpReceiver(WebApplication app) => _app = app;

    /// <summary>For <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>.</summary>
    public string Endpoint => _app.Urls.Single();

    /// <summary>What has been received so far, in no particular order.</summary>
    public IReadOnlyCollection<Span> Spans => _spans;

    /// <summary>Every export request of every signal as it came, uncompressed.</summary>
    public IReadOnlyCollection<byte[]> Messages => _messages;

    /// <param name="port">Where to listen; 0: on a free port.</param>
    public static async Task<OtlpReceiver> StartAsync(int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(server =>
        {
            server.Limits.MaxRequestBodySize = null;
            // Without TLS a port speaks one version of HTTP, and gRPC needs this one.
            server.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http2);
        });
        var app = builder.Build();
        var receiver = new OtlpReceiver(app);
        app.Run(receiver.ReceiveAsync);
        await app.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task ReceiveAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var frame = body.ToArray();
        var message = frame[FrameHeader..(FrameHeader + BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(1)))];
        _messages.Enqueue(message);
        if (context.Request.Path == Traces)
            foreach (var span in TraceRequest.Read(message))
                _spans.Enqueue(span);

        // An empty answer: nothing was rejected.
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(new byte[FrameHeader], context.RequestAborted);
        context.Response.AppendTrailer("grpc-status", "0");
    }
}
