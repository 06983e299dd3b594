using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Aspire.Hosting.Dashboard;

/// <summary>
/// The OTLP endpoint, http/protobuf and gRPC: keeps traces; takes logs and metrics, so that no exporter complains, and
/// forgets them.
/// </summary>
internal sealed class OtlpReceiver(TraceStore store)
{
    /// <summary>The largest request, compressed or not: twice what the SDK's full batches come to.</summary>
    public const int MostBytes = 8 << 20;

    private const int GrpcPrefix = 5;

    private enum Outcome
    {
        Taken = 0,
        Malformed = 3,
        TooLarge = 8,
        Unsupported = 12,
    }

    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var signal in (string[])["trace", "logs", "metrics"])
        {
            var keep = signal == "trace";
            var service = $"{char.ToUpperInvariant(signal[0])}{signal[1..]}Service";
            routes.MapPost($"/v1/{signal}{(keep ? "s" : "")}", context => HttpAsync(context, keep));
            routes.MapPost(
                $"/opentelemetry.proto.collector.{signal}.v1.{service}/Export", context => GrpcAsync(context, keep));
        }
    }

    private async Task HttpAsync(HttpContext context, bool keep)
    {
        var (request, response) = (context.Request, context.Response);
        var outcome = Outcome.Unsupported;
        // A page of another origin cannot send this type without asking first, and is not answered then.
        if (MediaType(request) == "application/x-protobuf")
            outcome = await Take(context, keep, body => Inflate(body, request.Headers.ContentEncoding.ToString()));
        response.ContentType = "application/x-protobuf";
        response.StatusCode = outcome switch
        {
            Outcome.Taken => StatusCodes.Status200OK,
            Outcome.Malformed => StatusCodes.Status400BadRequest,
            Outcome.TooLarge => StatusCodes.Status413PayloadTooLarge,
            _ => StatusCodes.Status415UnsupportedMediaType,
        };
        if (outcome == Outcome.Taken)
            return;
        // A google.rpc.Status: code, message.
        var message = Encoding.UTF8.GetBytes(Describe(outcome));
        await response.Body.WriteAsync((byte[])[8, (byte)outcome, 18, (byte)message.Length, .. message]);
    }

    private async Task GrpcAsync(HttpContext context, bool keep)
    {
        var (request, response) = (context.Request, context.Response);
        response.ContentType = "application/grpc";
        var outcome = Outcome.Unsupported;
        if (MediaType(request).StartsWith("application/grpc", StringComparison.Ordinal))
            outcome = await Take(context, keep, body => Unframe(body, request.Headers["grpc-encoding"].ToString()));
        if (outcome == Outcome.Taken)
        {
            // One empty message, and how it went after it.
            response.AppendTrailer("grpc-status", "0");
            await response.Body.WriteAsync(new byte[GrpcPrefix]);
            return;
        }
        response.Headers["grpc-status"] = ((int)outcome).ToString(System.Globalization.CultureInfo.InvariantCulture);
        response.Headers["grpc-message"] = Describe(outcome);
    }

    private async Task<Outcome> Take(HttpContext context, bool keep, Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> unpack)
    {
        try
        {
            var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            var message = unpack(body.GetBuffer().AsMemory(0, (int)body.Length));
            if (keep)
                store.Add(OtlpTraces.Read(message.Span));
            return Outcome.Taken;
        }
        catch (InvalidDataException)
        {
            return Outcome.Malformed;
        }
        catch (NotSupportedException)
        {
            return Outcome.Unsupported;
        }
        catch (BadHttpRequestException e)
        {
            return e.StatusCode == StatusCodes.Status413PayloadTooLarge ? Outcome.TooLarge : Outcome.Malformed;
        }
    }

    private static ReadOnlyMemory<byte> Unframe(ReadOnlyMemory<byte> body, string encoding)
    {
        if (body.Length < GrpcPrefix || BinaryPrimitives.ReadUInt32BigEndian(body.Span[1..]) != body.Length - GrpcPrefix)
            throw new InvalidDataException("The body is not one gRPC message.");
        return Inflate(body[GrpcPrefix..], body.Span[0] == 0 ? "" : encoding);
    }

    private static ReadOnlyMemory<byte> Inflate(ReadOnlyMemory<byte> body, string encoding)
    {
        if (encoding is "" or "identity")
            return body;
        if (encoding != "gzip")
            throw new NotSupportedException();
        using var gzip = new GZipStream(new MemoryStream(body.ToArray()), CompressionMode.Decompress);
        var inflated = new MemoryStream();
        var chunk = new byte[81_920];
        while (gzip.Read(chunk) is > 0 and var count)
        {
            if (inflated.Length + count > MostBytes)
                throw new BadHttpRequestException("Too large.", StatusCodes.Status413PayloadTooLarge);
            inflated.Write(chunk, 0, count);
        }
        return inflated.GetBuffer().AsMemory(0, (int)inflated.Length);
    }

    private static string MediaType(HttpRequest request) => request.ContentType?.Split(';')[0].Trim().ToLowerInvariant() ?? "";

    private static string Describe(Outcome outcome) => outcome switch
    {
        Outcome.Malformed => "The body is no OTLP request.",
        Outcome.TooLarge => $"A request may have {MostBytes} bytes.",
        _ => "Send application/x-protobuf or application/grpc, plain or gzip.",
    };
}
