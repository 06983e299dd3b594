using System.ComponentModel.DataAnnotations;
using System.Net;
using EventShop.Hosting;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OrderService;

/// <summary>Configuration section <c>EventStreams</c>: <c>GET /orders/{id}/events</c>.</summary>
public sealed class EventStreamOptions
{
    /// <summary>How long a stream may be silent: after that it gets a comment, so that nobody in between takes the connection for dead.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:10:00")]
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Streams one client may have open, on one replica.</summary>
    [Range(1, 1_000_000)]
    public int PerClient { get; set; } = 5;

    /// <summary>Streams one replica serves. Each costs a query every <see cref="KeepAlive"/>.</summary>
    [Range(1, 1_000_000)]
    public int PerReplica { get; set; } = 2000;
}

/// <summary>Counts the open streams of events: one lasts for as long as its order takes to be paid.</summary>
public sealed class EventStreams(EventStreamOptions options)
{
    public const string Refusal = "This client has as many streams open as it may.";

    private const string RetryAfterSeconds = "5";

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _ofClient = [];
    private int _all;

    public TimeSpan KeepAlive => options.KeepAlive;

    /// <returns>Null: the stream counts until its request is over. Otherwise why there is none.</returns>
    public ProblemHttpResult? Open(HttpContext http)
    {
        var client = RateLimit.Client(http);
        lock (_lock)
        {
            var count = _ofClient.GetValueOrDefault(client);
            if (count >= options.PerClient)
                return Refuse(http, StatusCodes.Status429TooManyRequests, Refusal);
            if (_all >= options.PerReplica)
                return Refuse(http, StatusCodes.Status503ServiceUnavailable, "Too many streams are open.");
            _ofClient[client] = count + 1;
            _all++;
        }
        http.Response.RegisterForDispose(new OpenStream(this, client));
        return null;
    }

    private static ProblemHttpResult Refuse(HttpContext http, int status, string detail)
    {
        http.Response.Headers.RetryAfter = RetryAfterSeconds;
        return TypedResults.Problem(statusCode: status, detail: detail);
    }

    private void Close(IPAddress client)
    {
        lock (_lock)
        {
            _all--;
            if (--_ofClient[client] == 0)
                _ofClient.Remove(client);
        }
    }

    private sealed class OpenStream(EventStreams streams, IPAddress client) : IDisposable
    {
        public void Dispose() => streams.Close(client);
    }
}

internal static class EventStreamExtensions
{
    public static void AddEventStreams(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton(builder.Configuration.GetValidated<EventStreamOptions>("EventStreams"));
        builder.Services.AddSingleton<EventStreams>();
    }
}
