using System.Collections.Concurrent;
using System.Net;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Gateway;

public sealed class LedgerTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("gateway-");

    private string Ledger => Path.Combine(folder.FullName, "ledger.jsonl");

    [Fact]
    public async Task What_was_answered_before_a_kill_is_there_after_it()
    {
        var answered = new ConcurrentDictionary<Guid, string>();
        await using (var first = await GatewayClient.Start(Ledger))
        {
            var client = new GatewayClient(first.Client);
            var load = Enumerable.Range(0, 16).Select(_ => ChargeUntilItDies(client, answered)).ToArray();
            await Eventually.True("200 charges answered", () => Task.FromResult(answered.Count >= 200));
            await first.Kill();
            await Task.WhenAll(load);
        }

        await using var second = await GatewayClient.Start(Ledger);
        var after = new GatewayClient(second.Client);
        var recorded = (await after.Charges()).ToDictionary(charge => charge.GetProperty("orderId").GetGuid());

        Assert.All(answered, charge => Assert.Equal(charge.Value, recorded[charge.Key].GetProperty("id").GetString()));
        using var again = await after.Charge(answered.First().Key, $"pay:{answered.First().Key}:1");
        Assert.True(GatewayClient.IsReplayed(again));
        Assert.Equal(answered.First().Value, (await GatewayClient.Json(again)).GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_refund_survives_a_restart()
    {
        var order = Guid.NewGuid();
        await using (var first = await GatewayClient.Start(Ledger))
        {
            var client = new GatewayClient(first.Client);
            using var charge = await client.Charge(order, "pay");
            using var refund = await client.Refund(order, (await GatewayClient.Json(charge)).GetProperty("id").GetString()!, "refund");
            Assert.Equal(HttpStatusCode.Created, refund.StatusCode);
            Assert.Equal(0, await first.Terminate());
        }

        await using var second = await GatewayClient.Start(Ledger);
        var view = Assert.Single(await new GatewayClient(second.Client).Charges(order));
        Assert.Equal("refunded", view.GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_torn_last_line_is_cut_off_and_written_over()
    {
        var (kept, next) = (Guid.NewGuid(), Guid.NewGuid());
        await Charge(kept);
        await File.AppendAllTextAsync(Ledger, """{"charge":{"id":"ch_torn","orderId":""", TestContext.Current.CancellationToken);

        await Charge(next);

        await using var gateway = await GatewayClient.Start(Ledger);
        var recorded = await new GatewayClient(gateway.Client).Charges();
        Assert.Equal([kept, next], recorded.Select(charge => charge.GetProperty("orderId").GetGuid()));
    }

    [Fact]
    public async Task A_damaged_line_within_stops_the_start_with_its_number()
    {
        await Charge(Guid.NewGuid());
        await File.WriteAllTextAsync(Ledger, "nonsense\n" + await File.ReadAllTextAsync(Ledger, TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);

        var (exitCode, errors) = await ServiceProcess.RunToEnd("services/PaymentGateway", GatewayClient.Environment(Ledger));

        Assert.Equal(1, exitCode);
        Assert.Contains("line 1 of", Assert.Single(errors.Split('\n')));
    }

    [Fact]
    public async Task A_ledger_has_one_gateway()
    {
        await using var first = await GatewayClient.Start(Ledger);

        var (exitCode, errors) = await ServiceProcess.RunToEnd("services/PaymentGateway", GatewayClient.Environment(Ledger));

        Assert.Equal(1, exitCode);
        Assert.Contains("Gateway:LedgerPath", Assert.Single(errors.Split('\n')));
    }

    public void Dispose() => folder.Delete(recursive: true);

    private async Task Charge(Guid order)
    {
        await using var gateway = await GatewayClient.Start(Ledger);
        using var answer = await new GatewayClient(gateway.Client).Charge(order, $"pay:{order}:1");
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal(0, await gateway.Terminate());
    }

    private static async Task ChargeUntilItDies(GatewayClient client, ConcurrentDictionary<Guid, string> answered)
    {
        while (true)
        {
            var order = Guid.NewGuid();
            try
            {
                using var answer = await client.Charge(order, $"pay:{order}:1");
                answered[order] = (await GatewayClient.Json(answer)).GetProperty("id").GetString()!;
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException)
            {
                return;
            }
        }
    }
}
