using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace EventShop.Messaging;

/// <summary>
/// For operators: list, inspect, send again and discard the events that the broker refuses. Keep them off the public ingress.
/// </summary>
public static class ParkedEventEndpoints
{
    private const int MaxPage = 1000;
    private const int MaxReason = 500;

    /// <summary>
    /// Maps <c>GET /parked-events?after=&amp;limit=&amp;discarded=</c>, <c>GET /parked-events/{id}</c>, <c>POST /parked-events/{id}/resend</c>,
    /// <c>POST /parked-events/resend</c> (all) and <c>DELETE /parked-events/{id}?reason=</c>.
    /// </summary>
    public static RouteGroupBuilder MapParkedEvents(this IEndpointRouteBuilder app)
    {
        // Source-generated contracts of the library's own, whatever the application's JSON options are.
        var group = app.MapGroup("/parked-events").ExcludeFromDescription();
        group.MapGet("", async ([FromServices] ParkedEvents events, Guid? after, int? limit, bool? discarded, CancellationToken cancellationToken) => limit is < 1 or > MaxPage
            ? Invalid("limit", $"must be from 1 to {MaxPage}")
            : Results.Json(
                await events.ListAsync(discarded is true, after ?? Guid.Empty, limit ?? 100, cancellationToken), ParkedEventJson.Default.IReadOnlyListParkedEvent));
        group.MapGet("/{id:guid}", async ([FromServices] ParkedEvents events, Guid id, CancellationToken cancellationToken) =>
            await events.FindAsync(id, cancellationToken) is { } details
                ? Results.Json(details, ParkedEventJson.Default.ParkedEventDetails)
                : NotParked(id));
        group.MapPost("/{id:guid}/resend", async ([FromServices] ParkedEvents events, Guid id, CancellationToken cancellationToken) =>
            await events.ResendAsync(id, cancellationToken) ? Results.Accepted() : NotParked(id));
        group.MapPost("/resend", async ([FromServices] ParkedEvents events, CancellationToken cancellationToken) => Results.Json(
            new ResendResult(await events.ResendAllAsync(cancellationToken)), ParkedEventJson.Default.ResendResult, statusCode: StatusCodes.Status202Accepted));
        group.MapDelete("/{id:guid}", async ([FromServices] ParkedEvents events, Guid id, string? reason, CancellationToken cancellationToken) =>
            reason?.Length > MaxReason ? Invalid("reason", $"must have at most {MaxReason} characters")
            : await events.DiscardAsync(id, reason, cancellationToken) ? Results.NoContent()
            : NotParked(id));
        return group;
    }

    private static IResult Invalid(string parameter, string allowed) =>
        Results.ValidationProblem(new Dictionary<string, string[]> { [parameter] = [allowed] });

    private static IResult NotParked(Guid id) =>
        Results.Problem(statusCode: StatusCodes.Status404NotFound, detail: $"This service has no parked event {id}.");
}

/// <param name="Resent">How many are sent now.</param>
internal sealed record ResendResult(int Resent);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IReadOnlyList<ParkedEvent>))]
[JsonSerializable(typeof(ParkedEventDetails))]
[JsonSerializable(typeof(ResendResult))]
internal sealed partial class ParkedEventJson : JsonSerializerContext;
