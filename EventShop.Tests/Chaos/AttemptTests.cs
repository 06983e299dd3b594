using EventShop.Messaging.Testing;
using EventShop.Tests.Shop;
using Npgsql;

namespace EventShop.Tests.Chaos;

/// <summary>What counts as an attempt at a message, and what does not, when processes end.</summary>
[Trait("Category", "Chaos")]
public sealed class AttemptTests(SharedPostgres postgres)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>As many attempts as may end with the process where one may fail: two and eight.</summary>
    private const int MaxCrashes = 10;

    private static readonly (string, string)[] OneAttempt =
    [
        ("Messaging__Consumers__payment-orders__MaxAttempts", "1"), ("Messaging__Consumers__payment-orders__AckWait", "00:00:03"),
        ("Logging__LogLevel__EventShop.Messaging", "Debug"),
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_service_may_end_as_often_as_it_likes_while_the_gateway_is_down(bool isKilled)
    {
        await using var shop = await RunningShop.StartAsync(postgres, OneAttempt);
        await shop.ChaosAsync(new { down = true });
        var order = await shop.PlaceAsync();
        await HeldAsync(shop);

        for (var n = 0; n < 3; n++)
        {
            if (isKilled)
                await shop.PaymentService.Kill();
            else
                Assert.Equal(0, await shop.PaymentService.Terminate());
            await shop.PaymentService.DisposeAsync();
            await shop.StartPaymentServiceAsync();
            await HeldAsync(shop);
            await Eventually.True("it counts neither as failed nor as begun", async () =>
                await shop.PaymentsAsync("select count(*) from attempts where failed + begun > 0") == 0, Patience);
        }
        await shop.ChaosAsync(new { down = false });

        await Eventually.True("it is paid", async () => await shop.StatusAsync(order) == "Paid", Patience);
        Assert.Equal("", await Eventually.Value("nothing is remembered of it", () => RememberedAsync(shop), rows => rows == "", Patience));
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task A_message_whose_handling_ends_the_process_is_a_dead_letter_in_the_end()
    {
        await using var shop = await RunningShop.StartAsync(postgres, OneAttempt);
        await shop.PaymentService.DisposeAsync();

        var order = await shop.PlaceAsync();
        for (var n = 0; n < 2; n++)
        {
            shop.PaymentService = await shop.StartAsync("PaymentService", failPoint: "payment.before-charge");
            await shop.PaymentService.Exited(Patience);
            await shop.PaymentService.DisposeAsync();
        }
        Assert.Equal(1, await shop.PaymentsAsync("select begun::bigint from attempts"));
        await shop.ExecutePaymentsAsync($"update attempts set begun = {MaxCrashes}");
        // It would die of it, if it attempted it once more.
        shop.PaymentService = await shop.StartAsync("PaymentService", failPoint: "payment.before-charge");

        await Eventually.True("it is given up", async () => (await DeadLettersAsync(shop.PaymentService)).Contains(
            $"{MaxCrashes} attempts in a row ended with the process", StringComparison.Ordinal), Patience);
        Assert.Equal("Pending", await shop.StatusAsync(order));
        Assert.False(shop.PaymentService.HasExited);
        Assert.Equal(0, await shop.PaymentsAsync("select count(*) from attempts"));
    }

    private static async Task HeldAsync(RunningShop shop) => await Eventually.True("the order's payment is held", () =>
        Task.FromResult(shop.PaymentService.Output.Contains("payment-orders pauses", StringComparison.Ordinal)), Patience);

    private static async Task<string> RememberedAsync(RunningShop shop)
    {
        await using var connection = new NpgsqlConnection(shop.PaymentsDatabase);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("select coalesce(string_agg(a::text, ' '), '') from attempts a", connection);
        return (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    private static Task<string> DeadLettersAsync(ServiceProcess service) =>
        service.Client.GetStringAsync("/dead-letters", TestContext.Current.CancellationToken);
}
