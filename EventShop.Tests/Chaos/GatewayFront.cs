using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace EventShop.Tests.Chaos;

/// <summary>How the card processor answers.</summary>
internal enum GatewayMood
{
    Well,

    /// <summary>503.</summary>
    Unavailable,

    /// <summary>429 with <c>Retry-After: 1</c>.</summary>
    TooManyRequests,

    /// <summary>No answer until the caller gives up; the charge is not made.</summary>
    Hanging,

    /// <summary>The charge is made and the connection cut before the answer.</summary>
    LosingReplies,

    /// <summary>201 with a body that is not JSON, after the charge was made.</summary>
    Babbling,

    /// <summary>Half a second later than usual.</summary>
    Slow,
}

/// <summary>Stands between the payment service and the gateway: counts the calls, and has the moods of other people's systems.</summary>
internal sealed class GatewayFront : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false }) { Timeout = TimeSpan.FromSeconds(30) };
    private readonly ConcurrentQueue<long> _calls = new();

    private GatewayFront()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    /// <summary>Where the payment service calls it.</summary>
    public string Url => _app.Urls.First();

    /// <summary>Where the gateway is now; null while there is none.</summary>
    public Func<Uri>? Gateway { get; set; }

    public GatewayMood Mood { get; set; }

    /// <summary>Calls so far.</summary>
    public int Calls => _calls.Count;

    public static async Task<GatewayFront> StartAsync()
    {
        var front = new GatewayFront();
        await front._app.StartAsync();
        return front;
    }

    /// <summary>Calls since a time of the system's clock.</summary>
    public int CallsSince(long timestamp) => _calls.Count(at => at >= timestamp);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _http.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        _calls.Enqueue(TimeProvider.System.GetTimestamp());
        switch (Mood)
        {
            case GatewayMood.Unavailable:
                context.Response.StatusCode = (int)HttpStatusCode.ServiceUnavailable;
                return;
            case GatewayMood.TooManyRequests:
                context.Response.StatusCode = (int)HttpStatusCode.TooManyRequests;
                context.Response.Headers.RetryAfter = "1";
                return;
            case GatewayMood.Hanging:
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return;
            case GatewayMood.Slow:
                await Task.Delay(TimeSpan.FromMilliseconds(500));
                break;
        }

        var mood = Mood;
        try
        {
            using var answer = await ForwardAsync(context.Request);
            if (mood is GatewayMood.LosingReplies)
            {
                context.Abort();
                return;
            }

            context.Response.StatusCode = (int)answer.StatusCode;
            context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
            if (mood is GatewayMood.Babbling)
                await context.Response.WriteAsync("<html>it works</html>");
            else
                await answer.Content.CopyToAsync(context.Response.Body);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            // The gateway is not there, or went away: so does this.
            context.Abort();
        }
    }

    private async Task<HttpResponseMessage> ForwardAsync(HttpRequest request)
    {
        var gateway = Gateway?.Invoke() ?? throw new HttpRequestException("no gateway yet");
        using var copy = new HttpRequestMessage(new HttpMethod(request.Method), new Uri(gateway, request.Path + request.QueryString))
        {
            Content = HttpMethods.IsPost(request.Method) ? new StreamContent(request.Body) : null,
        };
        copy.Content?.Headers.TryAddWithoutValidation("Content-Type", request.ContentType);
        if (request.Headers.TryGetValue("Idempotency-Key", out var key))
            copy.Headers.Add("Idempotency-Key", key.ToString());
        return await _http.SendAsync(copy, request.HttpContext.RequestAborted);
    }
}
