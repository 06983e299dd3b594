using Microsoft.AspNetCore.Http;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>
/// The one place in which somebody who waits for an answer over HTTP calls the broker: in time, or not at all. The client by itself waits for
/// a lost connection to come back, and then for as long again.
/// </summary>
internal sealed class BrokerCalls(INatsConnection connection)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1.5);

    /// <exception cref="NatsException">The broker is away, or did not answer in time, or answered with an error.</exception>
    public async Task<TResult> CallAsync<TResult>(Func<CancellationToken, ValueTask<TResult>> call, CancellationToken cancellationToken)
    {
        if (connection.ConnectionState is not NatsConnectionState.Open)
            throw new NatsException("the broker is not connected");
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(Limit);
        try
        {
            return await call(limited.Token).AsTask().WaitAsync(limited.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NatsException($"the broker did not answer within {Limit.TotalSeconds} s");
        }
    }
}

/// <summary>An endpoint that needs the broker answers 503 and when to come again, while it has none.</summary>
internal sealed class BrokerUnavailableFilter : IEndpointFilter
{
    private const int RetryAfterSeconds = 2;

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (NatsException e)
        {
            context.HttpContext.Response.Headers.RetryAfter = $"{RetryAfterSeconds}";
            return Results.Problem(statusCode: StatusCodes.Status503ServiceUnavailable, detail: $"The broker cannot be asked: {e.Message}.");
        }
    }
}
