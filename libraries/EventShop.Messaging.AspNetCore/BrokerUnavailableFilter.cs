using Microsoft.AspNetCore.Http;
using NATS.Client.Core;

namespace EventShop.Messaging;

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
