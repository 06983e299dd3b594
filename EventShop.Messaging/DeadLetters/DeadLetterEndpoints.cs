using System.Text;
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
    /// Maps <c>GET /dead-letters?after=&amp;limit=</c>, <c>GET /dead-letters/{sequence}</c>, <c>POST /dead-letters/{sequence}/redrive</c>,
    /// <c>POST /dead-letters/redrive</c> (all that are not obsolete) and <c>DELETE /dead-letters/{sequence}</c>. While the broker does not
    /// answer, each is 503 with <c>Retry-After</c>, within two seconds.
    /// </summary>
    public static RouteGroupBuilder MapDeadLetters(this IEndpointRouteBuilder app)
    {
        // Source-generated contracts of the library's own, whatever the application's JSON options are.
        var group = app.MapGroup("/dead-letters").ExcludeFromDescription().AddEndpointFilter<BrokerUnavailableFilter>();
        group.MapGet("", async ([FromServices] DeadLetters letters, ulong? after, int? limit, CancellationToken cancellationToken) => limit is < 1 or > MaxPage
            ? Results.ValidationProblem(new Dictionary<string, string[]> { ["limit"] = [$"must be from 1 to {MaxPage}"] })
            : Results.Json(await letters.ListAsync(after ?? 0, limit ?? 100, cancellationToken), DeadLetterJson.Default.IReadOnlyListDeadLetter));
        group.MapGet("/{sequence}", async ([FromServices] DeadLetters letters, ulong sequence, CancellationToken cancellationToken) =>
            await letters.FindAsync(sequence, cancellationToken) is { } found
                ? Results.Json(DeadLetterDetails.Of(found), DeadLetterJson.Default.DeadLetterDetails)
                : NotFound(sequence));
        group.MapPost("/{sequence}/redrive", async ([FromServices] DeadLetters letters, ulong sequence, CancellationToken cancellationToken) =>
            await letters.RedriveAsync(sequence, cancellationToken) switch
            {
                { IsFound: false } => NotFound(sequence),
                { Refusal: { } reason } => Results.Problem(statusCode: StatusCodes.Status409Conflict, detail: reason),
                _ => Results.Accepted(),
            });
        group.MapDelete("/{sequence}", async ([FromServices] DeadLetters letters, ulong sequence, CancellationToken cancellationToken) =>
            await letters.DiscardAsync(sequence, cancellationToken) ? Results.NoContent() : NotFound(sequence));
        group.MapPost("/redrive", async ([FromServices] DeadLetters letters, CancellationToken cancellationToken) =>
            Results.Json(await RedriveAllAsync(letters, cancellationToken), DeadLetterJson.Default.RedriveResult, statusCode: StatusCodes.Status202Accepted));
        return group;
    }

    private static IResult NotFound(ulong sequence) =>
        Results.Problem(statusCode: StatusCodes.Status404NotFound, detail: $"This service has no dead letter {sequence}.");

    /// <summary>Those that were there when it began: one that dies again meanwhile is not redriven in a circle.</summary>
    private static async Task<RedriveResult> RedriveAllAsync(DeadLetters letters, CancellationToken cancellationToken)
    {
        var all = new List<DeadLetter>();
        while (await letters.ListAsync(all.Count == 0 ? 0 : all[^1].Sequence, MaxPage, cancellationToken) is { Count: > 0 } page)
            all.AddRange(page);
        var (redriven, refused) = (0, new List<RefusedRedrive>());
        foreach (var letter in all.Where(letter => letter.ObsoleteSince is null))
            switch (await letters.RedriveAsync(letter.Sequence, cancellationToken))
            {
                case { Refusal: { } reason }:
                    refused.Add(new(letter.Sequence, reason));
                    break;
                case { IsFound: true }:
                    redriven++;
                    break;
            }
        return new(redriven, refused);
    }
}

/// <summary>A dead letter with what it holds.</summary>
/// <param name="Headers">As they were published; empty when the message is gone.</param>
/// <param name="Body">As UTF-8; null when the message was too large to be copied, and its stream no longer has it.</param>
internal sealed record DeadLetterDetails(DeadLetter Letter, Dictionary<string, string> Headers, string? Body)
{
    public static DeadLetterDetails Of(FoundLetter found) => new(
        found.Letter, DeadLetter.Original(found.Message?.Headers).ToDictionary(header => header.Key, header => header.Value.ToString()),
        found.Message is { } message ? Encoding.UTF8.GetString(message.Data ?? []) : null);
}

/// <param name="Redriven">How many were published again.</param>
/// <param name="Refused">Those that were not, and stay.</param>
internal sealed record RedriveResult(int Redriven, IReadOnlyList<RefusedRedrive> Refused);

/// <param name="Sequence">Its place among the dead letters.</param>
/// <param name="Reason">Why it stays there.</param>
internal sealed record RefusedRedrive(ulong Sequence, string Reason);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<DeadLetter>))]
[JsonSerializable(typeof(DeadLetterDetails))]
[JsonSerializable(typeof(RedriveResult))]
internal sealed partial class DeadLetterJson : JsonSerializerContext;
