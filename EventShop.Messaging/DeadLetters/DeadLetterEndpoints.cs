using System.Text;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>
/// For operators: list, inspect, redrive and discard the dead letters of this service's consumers. Keep them off the public ingress.
/// </summary>
public static class DeadLetterEndpoints
{
    private const int MaxPage = 1000;

    /// <summary>
    /// Maps <c>GET /dead-letters?after=&amp;limit=</c>, <c>GET /dead-letters/{sequence}</c>, <c>POST /dead-letters/{sequence}/redrive</c>,
    /// <c>POST /dead-letters/redrive</c> (all) and <c>DELETE /dead-letters/{sequence}</c>.
    /// </summary>
    public static void MapDeadLetters(this IEndpointRouteBuilder app)
    {
        // Source-generated contracts of the library's own, whatever the application's JSON options are.
        var group = app.MapGroup("/dead-letters").ExcludeFromDescription();
        group.MapGet("", async ([FromServices] DeadLetters letters, ulong? after, int? limit, CancellationToken cancellationToken) => limit is < 1 or > MaxPage
            ? Results.ValidationProblem(new Dictionary<string, string[]> { ["limit"] = [$"must be from 1 to {MaxPage}"] })
            : Results.Json(await letters.ListAsync(after ?? 0, limit ?? 100, cancellationToken), DeadLetterJson.Default.IReadOnlyListDeadLetter));
        group.MapGet("/{sequence}", async ([FromServices] DeadLetters letters, ulong sequence, CancellationToken cancellationToken) =>
            await letters.FindAsync(sequence, cancellationToken) is var (letter, message)
                ? Results.Json(DeadLetterDetails.Of(letter, message), DeadLetterJson.Default.DeadLetterDetails)
                : NotFound(sequence));
        group.MapPost("/{sequence}/redrive", async ([FromServices] DeadLetters letters, ulong sequence, CancellationToken cancellationToken) =>
            await letters.RedriveAsync(sequence, cancellationToken) ? Results.Accepted() : NotFound(sequence));
        group.MapDelete("/{sequence}", async ([FromServices] DeadLetters letters, ulong sequence, CancellationToken cancellationToken) =>
            await letters.DiscardAsync(sequence, cancellationToken) ? Results.NoContent() : NotFound(sequence));
        group.MapPost("/redrive", async ([FromServices] DeadLetters letters, CancellationToken cancellationToken) =>
            Results.Json(new RedriveResult(await RedriveAllAsync(letters, cancellationToken)), DeadLetterJson.Default.RedriveResult, statusCode: StatusCodes.Status202Accepted));
    }

    private static IResult NotFound(ulong sequence) =>
        Results.Problem(statusCode: StatusCodes.Status404NotFound, detail: $"This service has no dead letter {sequence}.");

    /// <summary>Those that were there when it began: one that dies again meanwhile is not redriven in a circle.</summary>
    private static async Task<int> RedriveAllAsync(DeadLetters letters, CancellationToken cancellationToken)
    {
        var all = new List<DeadLetter>();
        while (await letters.ListAsync(all.Count == 0 ? 0 : all[^1].Sequence, MaxPage, cancellationToken) is { Count: > 0 } page)
            all.AddRange(page);
        var redriven = 0;
        foreach (var letter in all)
            if (await letters.RedriveAsync(letter.Sequence, cancellationToken))
                redriven++;
        return redriven;
    }
}

/// <summary>A dead letter with what it holds.</summary>
/// <param name="Headers">As they were published.</param>
/// <param name="Body">As UTF-8.</param>
internal sealed record DeadLetterDetails(DeadLetter Letter, Dictionary<string, string> Headers, string Body)
{
    public static DeadLetterDetails Of(DeadLetter letter, NatsMsg<byte[]> message) => new(
        letter, DeadLetter.Original(message.Headers).ToDictionary(header => header.Key, header => header.Value.ToString()),
        Encoding.UTF8.GetString(message.Data ?? []));
}

/// <param name="Redriven">How many were published again.</param>
internal sealed record RedriveResult(int Redriven);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<DeadLetter>))]
[JsonSerializable(typeof(DeadLetterDetails))]
[JsonSerializable(typeof(RedriveResult))]
internal sealed partial class DeadLetterJson : JsonSerializerContext;
