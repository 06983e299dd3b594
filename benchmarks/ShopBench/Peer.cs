using System.Diagnostics;
using EventShop.Messaging.Testing;

namespace ShopBench;

/// <summary>
/// The same measurements of another design: seed-order, seed-payment and seed-gateway in one folder, which listen on ports of their
/// own. It has no database: what it promises is what its broker promises, so it is measured on a broker as it comes, whose
/// acknowledgement is not yet on disk, and on one that writes before it acknowledges.
/// </summary>
internal sealed class Peer(string folder, Settings settings, Report report)
{
    private const string Body =
        """{"customerId":"c-42","currency":"EUR","items":[{"sku":"SKU-1","quantity":2,"unitPrice":19.90},{"sku":"SKU-2","quantity":1,"unitPrice":5.00}]}""";

    /// <summary>JetStream's configuration that has it write before it acknowledges, and the first version that knows it.</summary>
    public const string SyncAlways = "sync_interval: always";

    public static readonly Version KnowsSyncAlways = new(2, 10);

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Measures it on both kinds of broker, as far as this nats-server knows them.</summary>
    public async Task MeasureAsync(Version natsServer)
    {
        await MeasureAsync("", "peer");
        if (natsServer >= KnowsSyncAlways)
            await MeasureAsync(SyncAlways, "peer", "fsynced");
        else
            await Console.Error.WriteLineAsync($"nats-server {natsServer} cannot write before it acknowledges (2.10 can): peer.fsynced is left out. NATS_SERVER names another.");
    }

    /// <summary>Orders paid per second from now on, by the broker's count.</summary>
    public static async Task<double> PaidRateAsync(Target target, TimeSpan duration)
    {
        var clock = TimeProvider.System;
        var (started, before) = (clock.GetTimestamp(), await target.PaidAsync());
        await Task.Delay(duration);
        return (await target.PaidAsync() - before) / clock.GetElapsedTime(started).TotalSeconds;
    }

    private async Task MeasureAsync(string jetStreamConfig, params string[] path)
    {
        await using var nats = await NatsServer.StartAsync(jetStreamConfig: jetStreamConfig);
        var target = new Target(new("http://127.0.0.1:18080/orders"), Body, nats.Url, "PAYMENTS", "payments.succeeded");
        var processes = new List<Process>();
        try
        {
            processes.Add(Start("seed-order", nats));
            await Eventually.True("the peer takes orders", async () => await Wrk.RunAsync(target, 1, TimeSpan.FromSeconds(1)) > 0, Patience);
            foreach (var connections in new[] { 64, 256 })
                report.Add(await Wrk.RunAsync(target, connections, settings.Intake), "orders/s", [.. path, "intake", $"c{connections}"]);

            processes.Add(Start("seed-gateway", nats));
            processes.Add(Start("seed-payment", nats));
            await Eventually.True("the peer is at work", async () => await target.PaidAsync() > 2000, Patience);
            report.Add(await PaidRateAsync(target, settings.Paying), "paid/s", [.. path, "paid", "drain"]);
            var taking = Wrk.RunAsync(target, 64, settings.Paying);
            report.Add(await PaidRateAsync(target, settings.Paying), "paid/s", [.. path, "paid", "together"]);
            report.Add(await taking, "orders/s", [.. path, "intake", "together"]);
        }
        finally
        {
            foreach (var process in processes)
            {
                process.Kill();
                await process.WaitForExitAsync();
                process.Dispose();
            }
        }
    }

    private Process Start(string name, NatsServer nats)
    {
        var start = new ProcessStartInfo(Path.Combine(folder, name)) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["NATS_URL"] = nats.Url;
        start.Environment["WORKERS"] = "32";
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
