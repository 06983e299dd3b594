using System.Text;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

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
        var letters = app.MapGroup("/dead-letters").ExcludeFromDescription();
        letters.MapGet("", async (HttpContext http, ulong? after, int? limit) => limit is < 1 or > MaxPage
            ? Results.ValidationProblem(new Dictionary<string, string[]> { ["limit"] = [$"must be from 1 to {MaxPage}"] })
            : Results.Json(await Letters(http).ListAsync(after ?? 0, limit ?? 100, http.RequestAborted), DeadLetterJson.Default.IReadOnlyListDeadLetter));
        letters.MapGet("/{sequence}", async (HttpContext http, ulong sequence) => await Letters(http).FindAsync(sequence, http.RequestAborted) is var (letter, message)
            ? Results.Json(
                new DeadLetterDetails(letter, DeadLetter.Original(message.Headers).ToDictionary(h => h.Key, h => h.Value.ToString()), Encoding.UTF8.GetString(message.Data ?? [])),
                DeadLetterJson.Default.DeadLetterDetails)
            : NotFound(sequence));
        letters.MapPost("/{sequence}/redrive", async (HttpContext http, ulong sequence) =>
            await Letters(http).RedriveAsync(sequence, http.RequestAborted) ? Results.Accepted() : NotFound(sequence));
        letters.MapDelete("/{sequence}", async (HttpContext http, ulong sequence) =>
            await Letters(http).DiscardAsync(sequence, http.RequestAborted) ? Results.NoContent() : NotFound(sequence));
        letters.MapPost("/redrive", async (HttpContext http) =>
            Results.Json(new RedriveResult(await RedriveAllAsync(Letters(http), http.RequestAborted)), DeadLetterJson.Default.RedriveResult, statusCode: StatusCodes.Status202Accepted));
    }

    private static DeadLetters Letters(HttpContext http) => http.RequestServices.GetRequiredService<DeadLetters>();

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
internal sealed record DeadLetterDetails(DeadLetter Letter, Dictionary<string, string> Headers, string Body);

/// <param name="Redriven">How many were published again.</param>
internal sealed record RedriveResult(int Redriven);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<DeadLetter>))]
[JsonSerializable(typeof(DeadLetterDetails))]
[JsonSerializable(typeof(RedriveResult))]
internal sealed partial class DeadLetterJson : JsonSerializerContext;
