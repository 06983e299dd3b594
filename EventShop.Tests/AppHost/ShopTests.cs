using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using EventShop.Tests.Chaos;
using NATS.Client.Core;

namespace EventShop.Tests.AppHost;

/// <summary>The whole shop on local infrastructure: it starts, its commands do what they say, and what dies is started again.</summary>
public sealed class ShopTests(RunningAppHost shop) : IClassFixture<RunningAppHost>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_service_is_healthy_and_all_data_is_in_the_data_folder()
    {
        NeedsLocal();
        foreach (var service in (string[])["payment-gateway", "payment-service", "order-service"])
        {
            using var client = shop.App.CreateHttpClient(service);
            await Eventually.Value($"{service} is healthy", () => client.GetAsync("/health", Token), health => health.StatusCode == HttpStatusCode.OK, Patience);
        }

        var order = await shop.PlaceAsync("c-health");
        await Eventually.True("the order is paid", async () => await shop.StatusAsync(order) == "Paid", Patience);
        string[] data = ["nats", "postgres", "gateway-ledger.jsonl", "nats.password", "postgres.password"];
        Assert.Empty(data.Except(Directory.GetFileSystemEntries(shop.Folder).Select(Path.GetFileName)));
        Assert.StartsWith("nats://nats:", await shop.App.GetConnectionStringAsync("nats", Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_places_100_orders_and_one_in_ten_is_declined()
    {
        NeedsLocal();
        var result = await shop.CommandAsync("order-service", "place-orders");

        Assert.Equal((true, "100 of 100 orders were placed."), (result.Success, result.Message));
        await CountAsync("Paid", 90);
        await CountAsync("Declined", 10);

        Task CountAsync(string status, int count) => Eventually.Value(
            $"{count} orders are {status}",
            async () => (await shop.OrderService.GetFromJsonAsync<JsonElement>($"/orders?customerId=dashboard&status={status}&limit=100", Token)).GetProperty("orders").GetArrayLength(),
            found => found == count, Patience);
    }

    [Fact]
    public async Task The_commands_take_the_gateway_down_so_that_orders_wait_and_up_so_that_they_are_paid()
    {
        NeedsLocal();
        var down = await shop.CommandAsync("payment-gateway", "down");
        Assert.True(down.Success, down.Message);
        var order = await shop.PlaceAsync("c-down");
        await Eventually.True(
            "the payment has failed once",
            async () => (await shop.PaymentService.GetStringAsync($"/payments/{order.GetProperty("id").GetGuid()}", Token)).Contains("503", StringComparison.Ordinal), Patience);
        Assert.Equal("Pending", await shop.StatusAsync(order));

        var up = await shop.CommandAsync("payment-gateway", "up");

        Assert.True(up.Success, up.Message);
        await Eventually.True("the order is paid", async () => await shop.StatusAsync(order) == "Paid", Patience);
    }

    [Fact]
    public async Task The_command_redrives_the_dead_letters_of_its_service()
    {
        NeedsLocal();
        await using var nats = new NatsConnection(new NatsOpts { Url = (await shop.App.GetConnectionStringAsync("nats", Token))! });
        await nats.PublishAsync("payments.succeeded", "{"u8.ToArray(), new NatsHeaders { ["ce-type"] = "eventshop.payments.succeeded.v1" }, cancellationToken: Token);
        var dead = await Eventually.Value("there is a dead letter", SequenceAsync, sequence => sequence > 0, Patience);

        var result = await shop.CommandAsync("order-service", "redrive");

        Assert.Equal((true, "1 dead letters were published again."), (result.Success, result.Message));
        await Eventually.Value("it has died again, as another letter", SequenceAsync, sequence => sequence > dead, Patience);

        async Task<ulong> SequenceAsync() => (await shop.OrderService.GetFromJsonAsync<JsonElement>("/dead-letters", Token)).EnumerateArray()
            .Select(letter => letter.GetProperty("sequence").GetUInt64()).DefaultIfEmpty().Max();
    }

    [Fact]
    public async Task What_is_stopped_by_a_command_stays_down_until_a_command_starts_it()
    {
        NeedsLocal();
        Assert.True((await shop.CommandAsync("payment-gateway", KnownResourceCommands.StopCommand)).Success);

        // The supervisor has been at work since, and left it alone.
        await DiesAndComesBackAsync("nats", shop.ProcessId("nats"));
        Assert.Null(shop.ProcessId("payment-gateway"));

        Assert.True((await shop.CommandAsync("payment-gateway", KnownResourceCommands.StartCommand)).Success);
        await shop.HealthyAsync("payment-gateway");
    }

    [Fact]
    public async Task A_killed_PostgreSQL_is_started_again_whether_its_script_or_the_server_was_killed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere the server outlives its script");
        await DiesAndComesBackAsync("postgres", shop.ProcessId("postgres"));
        await DiesAndComesBackAsync("postgres", shop.PostmasterId());
        var order = await shop.PlaceAsync("c-postgres");
        await Eventually.True("the order is paid", async () => await shop.StatusAsync(order) == "Paid", Patience);
    }

    /// <summary>With CHAOS_SECONDS, as `./test.sh --chaos` sets it: 20,000 orders.</summary>
    [Fact]
    [Trait("Category", "Chaos")]
    public async Task Whatever_is_killed_at_random_under_load_all_orders_end_right_by_the_gateways_ledger()
    {
        NeedsLocal();
        var orders = Environment.GetEnvironmentVariable("CHAOS_SECONDS") is null ? 600 : 20_000;
        using var load = Process.Start(Demo("load", $"{orders}", "16"))!;
        var output = Task.WhenAll(load.StandardOutput.ReadToEndAsync(Token), load.StandardError.ReadToEndAsync(Token));
        var ended = load.WaitForExitAsync(Token);

        var random = new Random(ChaosRun.Seed);
        var killed = new List<string>();
        string[] victims = ["order-service", "payment-service", "payment-gateway", "nats", "postgres"];
        while (await Task.WhenAny(ended, Task.Delay(random.Next(200, 2000), Token)) != ended)
        {
            // One, or two at once; the next when they are back.
            random.Shuffle(victims);
            var chosen = victims[..random.Next(1, 3)];
            killed.AddRange(chosen);
            var back = Task.WhenAll(chosen.Select(victim => DiesAndComesBackAsync(
                victim, victim == "postgres" && random.Next(2) == 0 ? shop.PostmasterId() : shop.ProcessId(victim))));
            if (await Task.WhenAny(ended, back) == back)
            {
                await back;
            }
        }

        var text = string.Concat(await output).Trim();
        ChaosRun.Note("killed", string.Join(", ", killed));
        ChaosRun.Note("load", text.Split('\n')[0]);
        Assert.True(load.ExitCode == 0, $"CHAOS_SEED={ChaosRun.Seed}, killed: {string.Join(", ", killed)}\n{text}");
        Assert.NotEmpty(killed);
        await shop.HealthyAsync("nats", "postgres", "payment-gateway", "payment-service", "order-service");
    }

    private static void NeedsLocal() => Assert.SkipWhen(OperatingSystem.IsWindows(), "local infrastructure needs Linux or macOS");

    private async Task DiesAndComesBackAsync(string resource, int? processId)
    {
        var (before, server) = (shop.ProcessId(resource), shop.PostmasterId());
        RunningAppHost.Kill(processId ?? throw new InvalidOperationException($"{resource} does not run"));
        await Eventually.True($"{resource} is another process", () => shop.ProcessId(resource) is { } now && now != before, Patience);
        // A server that lost its script answers until the next script has stopped it.
        await Eventually.True("it is another server", () => resource != "postgres" || (shop.PostmasterId() is { } now && now != server), Patience);
        await shop.HealthyAsync(resource);
    }

    private ProcessStartInfo Demo(params string[] arguments)
    {
        var demo = Repository.File(Path.Combine("EventShop.Demo", "bin", AppHostProcess.Configuration, "net10.0", "EventShop.Demo.dll"));
        var start = new ProcessStartInfo("dotnet", [demo, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["ORDER_SERVICE"] = shop.App.GetEndpoint("order-service", "http").ToString().TrimEnd('/');
        start.Environment["PAYMENT_GATEWAY"] = shop.App.GetEndpoint("payment-gateway", "http").ToString().TrimEnd('/');
        return start;
    }
}
