using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging.Tests;

/// <summary>Whatever a message is given up for, and however large it is, it is among the dead letters, and can be redriven while its stream has it.</summary>
public sealed class DeadLetterCopyTests(SharedPostgres postgres)
{
    private const int Megabyte = 1024 * 1024;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_whose_letter_could_not_be_stored_for_long_is_a_dead_letter_for_its_own_reason_as_soon_as_it_can()
    {
        await using var nats = await NatsServer.StartAsync();
        var script = new PingScript { Handle = (_, _, _) => throw new InvalidOperationException("its own reason") };
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), script: script, operators: true, settings:
        [
            ("Messaging:TopologyInterval", "01:00:00"), ($"Messaging:Consumers:{TestService.Consumer}:MaxAttempts", "1"),
            ($"Messaging:Consumers:{TestService.Consumer}:RetryDelay", "00:00:00.020"), ($"Messaging:Consumers:{TestService.Consumer}:MaxRetryDelay", "00:00:00.050"),
        ]);
        await Eventually.Value("there is a place for dead letters", () => service.StreamMessagesAsync(TestService.DeadLetters), count => count == 0);
        var config = (await service.JetStream.GetStreamAsync(TestService.DeadLetters, cancellationToken: Cancelled)).Info.Config;
        await service.JetStream.DeleteStreamAsync(TestService.DeadLetters, Cancelled);

        await service.StoreAsync(Ping.Event(1));
        // More often than a message may end its process.
        await Eventually.True("it has come many times", () => Task.FromResult(script.Attempts.Count >= 15), TimeSpan.FromMinutes(2));
        await service.JetStream.CreateStreamAsync(config, Cancelled);

        var letter = (await LettersAsync(service, count: 1))[0];
        Assert.Equal("its own reason", letter.GetProperty("reason").GetString());
        Assert.All(script.Attempts, attempt => Assert.Equal(1, attempt.Attempt));
    }

    [Theory]
    [InlineData("8KB", 8192)]
    [InlineData("8KB", 8191)]
    [InlineData("8KB", 8100)]
    [InlineData("8KB", 7900)]
    [InlineData("8KB", 7700)]
    [InlineData("8KB", 7500)]
    [InlineData("8KB", 7000)]
    [InlineData("1KB", 1024)]
    [InlineData("1MB", Megabyte)]
    [InlineData("1MB", Megabyte - 76)]
    [InlineData("1MB", Megabyte - 1000)]
    public async Task Poison_of_any_size_is_a_dead_letter_and_is_redriven_whole(string maxPayload, int size)
    {
        await using var nats = await NatsServer.StartAsync($"max_payload: {maxPayload}");
        await using var service = await StartAsync(nats);

        // Without headers, all of the broker's limit is body; with some, they count too.
        await PublishAsync(service, Garbage(size), null);
        var headers = Ping.Headers(headers => headers["ce-subject"] = "order%2042");
        await PublishAsync(service, Garbage(size - SizeOf(headers)), headers);
        var letters = await LettersAsync(service, count: 2);

        Assert.Equal([size, size - SizeOf(headers)], letters.Select(letter => letter.GetProperty("bytes").GetInt32()));
        Assert.Equal([1ul, 2ul], letters.Select(letter => letter.GetProperty("streamSequence").GetUInt64()));
        Assert.Equal(
            (null, headers["ce-id"].ToString(), Ping.Type, "order 42"),
            (letters[0].GetProperty("eventId").GetString(), letters[1].GetProperty("eventId").GetString(), letters[1].GetProperty("type").GetString(),
                letters[1].GetProperty("key").GetString()));
        foreach (var letter in letters)
        {
            var details = await DetailsAsync(service, letter);
            Assert.Equal(Text(letter.GetProperty("bytes").GetInt32()), details.GetProperty("body").GetString());
        }

        // Redriven they are poison again, with the same body.
        foreach (var letter in letters)
            await RedriveAsync(service, letter);
        var again = await Eventually.Value("they are back", () => LettersAsync(service),
            back => back.Length == 2 && back.All(letter => letter.GetProperty("streamSequence").GetUInt64() > 2));
        Assert.Equal(4, await service.StreamMessagesAsync());
        Assert.Equal([size, size - SizeOf(headers)], again.Select(letter => letter.GetProperty("bytes").GetInt32()));
        Assert.Equal(headers["ce-id"].ToString(), again[1].GetProperty("eventId").GetString());
    }

    [Theory]
    [InlineData("headers too large with those of a letter")]
    [InlineData("a header too large with those of a letter")]
    [InlineData("a limit of the stream of dead letters")]
    [InlineData("a header that the client does not write")]
    public async Task A_message_whose_copy_is_refused_for_something_else_is_a_dead_letter_too(string flaw)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        switch (flaw)
        {
            case "headers too large with those of a letter":
                await PublishAsync(service, Garbage(100), new() { ["baggage"] = new string('!', 60_000), ["x"] = new string('!', 5300) });
                break;
            case "a header too large with those of a letter":
                await PublishAsync(service, Garbage(100), new() { ["x"] = new string('!', 65_500) });
                break;
            case "a limit of the stream of dead letters":
                var stream = await service.JetStream.GetStreamAsync(TestService.DeadLetters, cancellationToken: Cancelled);
                await service.JetStream.UpdateStreamAsync(stream.Info.Config with { MaxMsgSize = 1000 }, Cancelled);
                await PublishAsync(service, Garbage(5000), null);
                break;
            default:
                await PublishRawAsync(nats, "x\u0001: odd", Garbage(100));
                break;
        }

        var letter = Assert.Single(await LettersAsync(service, count: 1));
        Assert.True(letter.GetProperty("isReference").GetBoolean());
        Assert.Equal(Text(letter.GetProperty("bytes").GetInt32()), (await DetailsAsync(service, letter)).GetProperty("body").GetString());
    }

    [Theory]
    [InlineData("purged")]
    [InlineData("deleted")]
    [InlineData("another")]
    public async Task A_letter_whose_message_was_too_large_to_be_copied_and_is_gone_says_so_and_can_be_discarded(string fate)
    {
        await using var nats = await NatsServer.StartAsync("max_payload: 8KB");
        await using var service = await StartAsync(nats);
        await PublishAsync(service, Garbage(8192), null);
        var letter = Assert.Single(await LettersAsync(service, count: 1));
        Assert.True(letter.GetProperty("isReference").GetBoolean());

        var stream = await service.JetStream.GetStreamAsync("PINGS", cancellationToken: Cancelled);
        if (fate == "purged")
            await service.JetStream.PurgeStreamAsync("PINGS", new StreamPurgeRequest(), Cancelled);
        else
            await service.JetStream.DeleteStreamAsync("PINGS", Cancelled);
        if (fate == "another")
        {
            // A stream that is made again has another message at the same place.
            await service.JetStream.CreateStreamAsync(stream.Info.Config, Cancelled);
            await PublishAsync(service, Garbage(8191), null);
        }

        Assert.Equal(JsonValueKind.Null, (await DetailsAsync(service, letter)).GetProperty("body").ValueKind);
        var path = $"/dead-letters/{letter.GetProperty("id")}";
        using (var refused = await service.Client.PostAsync($"{path}/redrive", null, Cancelled))
        {
            Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
            Assert.Contains("no longer in stream PINGS", (await refused.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("detail").GetString(), StringComparison.Ordinal);
        }
        using (var all = await service.Client.PostAsync("/dead-letters/redrive", null, Cancelled))
            Assert.Contains((await all.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("refused").EnumerateArray(), refused =>
                refused.GetProperty("id").GetGuid() == letter.GetProperty("id").GetGuid()
                && refused.GetProperty("reason").GetString()!.Contains("can only be discarded", StringComparison.Ordinal));
        using var discarded = await service.Client.DeleteAsync(path, Cancelled);
        Assert.Equal(HttpStatusCode.NoContent, discarded.StatusCode);
    }

    [Fact]
    public async Task A_letter_that_has_become_too_large_for_the_broker_stays_and_says_so()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await PublishAsync(service, Garbage(50_000), null);
        var letter = Assert.Single(await LettersAsync(service, count: 1));

        nats.Config = "max_payload: 8KB";
        await nats.RestartAsync();

        var refused = await Eventually.Value("it is refused",
            () => service.Client.PostAsync($"/dead-letters/{letter.GetProperty("id")}/redrive", null, Cancelled), answer => answer.StatusCode is HttpStatusCode.Conflict);
        Assert.Contains("exceeds server's maximum payload size 8192", (await refused.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Single(await LettersAsync(service, count: 1));
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("frozen")]
    public async Task While_the_broker_does_not_answer_every_call_is_503_within_two_seconds(string state)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await PublishAsync(service, Garbage(10), null);
        await LettersAsync(service, count: 1);
        if (state == "gone")
            nats.Kill();
        else
            nats.Pause();

        var one = $"/{Guid.NewGuid()}";
        foreach (var (method, path) in new[] { ("GET", ""), ("GET", one), ("POST", $"{one}/redrive"), ("POST", "/redrive"), ("DELETE", one) })
        {
            var started = TimeProvider.System.GetTimestamp();
            using var answer = await service.Client.SendAsync(new(new(method), $"/dead-letters{path}"), Cancelled);

            // The limit is 1.5 s; the rest is a busy machine's.
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(3), $"{method} {path} took {TimeProvider.System.GetElapsedTime(started)}");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.True(answer.Headers.RetryAfter?.Delta > TimeSpan.Zero);
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        }

        if (state == "gone")
            await nats.RestartAsync();
        else
            nats.Resume();
        Assert.Single(await Eventually.Value("the broker is back", () => LettersAsync(service), letters => letters.Length == 1, TimeSpan.FromSeconds(30)));
    }

    private async Task<TestService> StartAsync(NatsServer nats)
    {
        var service = await TestService.StartAsync(nats, postgres.NewDatabase(), operators: true);
        await Eventually.True("it consumes", async () => await service.ConsumerAsync() is not null && await service.StreamMessagesAsync(TestService.DeadLetters) == 0);
        return service;
    }

    /// <summary>Never the same at two places, and never JSON.</summary>
    private static string Text(int size) => string.Concat(Enumerable.Range(0, (size / 8) + 1).Select(n => $"{n:x7} "))[..size];

    private static byte[] Garbage(int size) => Encoding.ASCII.GetBytes(Text(size));

    /// <summary>Of the block of headers that the client writes, with the message id.</summary>
    private static int SizeOf(NatsHeaders headers) => "NATS/1.0\r\n\r\n".Length + headers.Sum(header => header.Key.Length + ": \r\n".Length + header.Value.ToString().Length);

    private static async Task PublishAsync(TestService service, byte[] body, NatsHeaders? headers) =>
        (await service.JetStream.PublishAsync("pings.sent", body, headers: headers, cancellationToken: Cancelled)).EnsureSuccess();

    /// <summary>What no client of ours would send.</summary>
    private static async Task PublishRawAsync(NatsServer nats, string header, byte[] body)
    {
        var block = $"NATS/1.0\r\n{header}\r\n\r\n";
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", nats.Port, Cancelled);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"CONNECT {{\"headers\":true,\"verbose\":false}}\r\nHPUB pings.sent {block.Length} {block.Length + body.Length}\r\n{block}{Encoding.ASCII.GetString(body)}\r\nPING\r\n"), Cancelled);
        using var reader = new StreamReader(stream);
        while (await reader.ReadLineAsync(Cancelled) is { } line)
            if (line == "PONG")
                return;
    }

    /// <summary>On a busy machine the broker may take longer than an operator is kept waiting: then it is asked again, as the answer says.</summary>
    private static Task RedriveAsync(TestService service, JsonElement letter) => Eventually.True("it is redriven", async () =>
    {
        using var answer = await service.Client.PostAsync($"/dead-letters/{letter.GetProperty("id")}/redrive", null, Cancelled);
        return answer.StatusCode is HttpStatusCode.Accepted
            || (answer.StatusCode is HttpStatusCode.ServiceUnavailable ? false : throw new InvalidDataException(await answer.Content.ReadAsStringAsync(Cancelled)));
    });

    private static async Task<JsonElement> DetailsAsync(TestService service, JsonElement letter) =>
        await service.Client.GetFromJsonAsync<JsonElement>($"/dead-letters/{letter.GetProperty("id")}", Cancelled);

    private static Task<JsonElement[]> LettersAsync(TestService service, int count) =>
        Eventually.Value($"there are {count} dead letters", () => LettersAsync(service), letters => letters.Length == count);

    /// <returns>In the order of their messages: several workers give them up side by side.</returns>
    private static async Task<JsonElement[]> LettersAsync(TestService service) =>
        [.. (await service.Client.GetFromJsonAsync<JsonElement>("/dead-letters", Cancelled)).EnumerateArray()
            .OrderBy(letter => letter.GetProperty("streamSequence").GetUInt64())];
}
