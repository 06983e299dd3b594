using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace EventShop.Messaging;

/// <summary>
/// For operators: list, inspect, redrive and discard the dead letters of this service's consumers. Keep them off the public ingress.
/// </summary>
public static class DeadLetterEndpoints
{
    private const int MaxPage = 1000;

    /// <summary>
    /// Maps <c>GET /dead-letters?after=&amp;limit=</c>, <c>GET /dead-letters/{id}</c>, <c>POST /dead-letters/{id}/redrive</c>,
    /// <c>POST /dead-letters/redrive</c> (all that are not obsolete) and <c>DELETE /dead-letters/{id}</c>. While the broker does not
    /// answer, each is 503 with <c>Retry-After</c>, within two seconds.
    /// </summary>
    public static RouteGroupBuilder MapDeadLetters(this IEndpointRouteBuilder app)
    {
        // Source-generated contracts of the library's own, whatever the application's JSON options are.
        var group = app.MapGroup("/dead-letters").ExcludeFromDescription().AddEndpointFilter<BrokerUnavailableFilter>();
        group.MapGet("", async ([FromServices] DeadLetters letters, ulong? after, int? limit, CancellationToken cancellationToken) => limit is < 1 or > MaxPage
            ? Results.ValidationProblem(new Dictionary<string, string[]> { ["limit"] = [$"must be from 1 to {MaxPage}"] })
            : Results.Json(await letters.ListAsync(after ?? 0, limit ?? 100, cancellationToken), DeadLetterJson.Default.IReadOnlyListDeadLetter));
        group.MapGet("/{id:guid}", async ([FromServices] DeadLetters letters, Guid id, CancellationToken cancellationToken) =>
            await letters.FindAsync(id, cancellationToken) is { } found
                ? Results.Json(found, DeadLetterJson.Default.DeadLetterDetails)
                : NotFound(id));
        group.MapPost("/{id:guid}/redrive", async ([FromServices] DeadLetters letters, Guid id, CancellationToken cancellationToken) =>
            await letters.RedriveAsync(id, cancellationToken) switch
            {
                { IsFound: false } => NotFound(id),
                { Refusal: { } reason } => Results.Problem(statusCode: StatusCodes.Status409Conflict, detail: reason),
                _ => Results.Accepted(),
            });
        group.MapDelete("/{id:guid}", async ([FromServices] DeadLetters letters, Guid id, CancellationToken cancellationToken) =>
            await letters.DiscardAsync(id, cancellationToken) ? Results.NoContent() : NotFound(id));
        group.MapPost("/redrive", async ([FromServices] DeadLetters letters, CancellationToken cancellationToken) =>
            Results.Json(await letters.RedriveAllAsync(cancellationToken), DeadLetterJson.Default.RedriveResult, statusCode: StatusCodes.Status202Accepted));
        return group;
    }

    private static IResult NotFound(Guid id) =>
        Results.Problem(statusCode: StatusCodes.Status404NotFound, detail: $"This service has no dead letter {id}.");
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<DeadLetter>))]
[JsonSerializable(typeof(DeadLetterDetails))]
[JsonSerializable(typeof(RedriveResult))]
internal sealed partial class DeadLetterJson : JsonSerializerContext;
