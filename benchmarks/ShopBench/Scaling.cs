namespace ShopBench;

/// <summary>How the shop grows past one of everything, as far as one machine can tell.</summary>
internal sealed class Scaling(Settings settings, Report report, OtlpSink telemetry)
{
    // Of each replica: so little that three, with what they need of the database and the broker, still do not fill two cores.
    private const double OrderCores = 0.2;
    private const double PaymentCores = 0.1;

    private readonly Load _load = new(settings);

    /// <summary>1, 2 and 3 replicas of both services that have so little CPU each as if they were on machines of their own.</summary>
    public async Task ReplicasAsync()
    {
        if (!CpuLimit.IsAllowed)
        {
            await Console.Error.WriteLineAsync("limits on CPU are control groups of Linux, which take root: replicas are left out.");
            return;
        }
        foreach (var replicas in new[] { 1, 2, 3 })
        {
            var name = $"{replicas}";
            await using var shop = await BenchShop.StartAsync(telemetry, new(Replicas: replicas));
            await PrepareAsync(shop);
            CpuLimit[] limits =
            [
                .. shop.Processes["order"].Select(id => new CpuLimit(id, OrderCores)),
                .. shop.Processes["payment"].Select(id => new CpuLimit(id, PaymentCores)),
            ];
            try
            {
                shop.PausePaymentService();
                var (before, taken) = (shop.UsageByProcess(), await shop.Target.CountAsync("ORDERS", "orders.created"));
                report.Add(await _load.IntakeAsync(shop, replicas * 100), "orders/s", "replicas", name, "intake");
                AddCost(shop, before, await shop.Target.CountAsync("ORDERS", "orders.created") - taken, name, "intakeCpuMicrosPerOrder");

                shop.ContinuePaymentService();
                (before, var paid) = (shop.UsageByProcess(), await shop.Target.PaidAsync());
                report.Add(await _load.DrainRateAsync(shop), "paid/s", "replicas", name, "drain");
                AddCost(shop, before, await shop.Target.PaidAsync() - paid, name, "drainCpuMicrosPerOrder");
            }
            finally
            {
                foreach (var limit in limits)
                    limit.Dispose();
            }
        }
    }

    /// <summary>One broker and a cluster of three with three copies of each stream, as they come and writing before they acknowledge.</summary>
    public async Task ClusterAsync(Version natsServer)
    {
        foreach (var (name, brokers, jetStream) in new[] { ("one", 1, ""), ("three", 3, ""), ("oneFsynced", 1, Peer.SyncAlways), ("threeFsynced", 3, Peer.SyncAlways) })
        {
            if (jetStream == Peer.SyncAlways && natsServer < Peer.KnowsSyncAlways)
            {
                await Console.Error.WriteLineAsync($"nats-server {natsServer} cannot write before it acknowledges (2.10 can): {name} is left out.");
                continue;
            }
            await using var shop = await BenchShop.StartAsync(telemetry, new(Brokers: brokers, JetStream: jetStream));
            await PrepareAsync(shop);
            var latencies = await new OpenLoop(shop.Target).RunAsync(200, settings.Latency, Load.Patience);
            foreach (var (percentile, share) in new[] { ("p50", 0.5), ("p99", 0.99) })
                report.Add(latencies[(int)(share * latencies.Length)], "ms", "cluster", name, "latencyMs", "200", percentile);
            await shop.StopPaymentServiceAsync();
            report.Add(await _load.IntakeAsync(shop, 256), "orders/s", "cluster", name, "intake");
            report.Add(await _load.DrainRateAsync(shop), "paid/s", "cluster", name, "drain");
            report.Add((await _load.TogetherAsync(shop)).Paid, "paid/s", "cluster", name, "together");
        }
    }

    private void AddCost(BenchShop shop, Dictionary<string, Usage> before, long orders, string replicas, string key)
    {
        foreach (var (process, usage) in shop.UsageByProcess())
            report.Add((usage - before[process]).CpuSeconds * 1e6 / orders, "µs", "replicas", replicas, key, process);
    }

    private async Task PrepareAsync(BenchShop shop)
    {
        await shop.Database.SeedAsync(settings.StoredBefore);
        await _load.WarmUpAsync(shop);
        await shop.Database.AgeAsync(settings.LogSegments);
    }
}
