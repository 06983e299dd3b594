using EventShop.Messaging.Testing;

namespace ShopBench;

/// <summary>What is measured of the shop. Each leaves nothing on its way for the next one.</summary>
internal sealed class Measurements(Settings settings, Report report, OtlpSink telemetry)
{
    private static readonly TimeSpan Patience = Load.Patience;
    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly Load _load = new(settings);

    /// <summary>Latency, cost, intake and paying, on one shop.</summary>
    public async Task ShopAsync()
    {
        await using var shop = await BenchShop.StartAsync(telemetry);
        await shop.Database.SeedAsync(settings.StoredBefore);
        await _load.WarmUpAsync(shop);
        await shop.Database.AgeAsync(settings.LogSegments);
        await LatenciesAsync(shop);
        await shop.StopPaymentServiceAsync();
        await shop.Database.AgeAsync(settings.LogSegments);
        foreach (var connections in new[] { 64, 256 })
        {
            var before = shop.UsageByProcess();
            var rate = await Wrk.RunAsync(shop.Target, connections, settings.Intake);
            report.Add(rate, "orders/s", "intake", $"c{connections}");
            foreach (var (process, id) in shop.Processes)
                report.Add((Usage.Of(id) - before[process]).CpuSeconds * 1e6 / (rate * settings.Intake.TotalSeconds), "µs", "intake", $"cpuMicrosPerOrderC{connections}", process);
        }
        report.Add(await _load.DrainRateAsync(shop), "paid/s", "paid", "drain");
        var (paid, taken) = await _load.TogetherAsync(shop);
        report.Add(paid, "paid/s", "paid", "together");
        report.Add(taken, "orders/s", "intake", "together");
        foreach (var (process, ids) in shop.Processes.Where(p => p.Key is not "postgres"))
            report.Add(Usage.PeakMB(ids[0]), "MB", "residentMB", process);
    }

    /// <summary>What an order costs when a million are stored, as a multiple of what it costs when ten thousand are.</summary>
    public async Task GrowthAsync()
    {
        await using var shop = await BenchShop.StartAsync(telemetry);
        await shop.Database.SeedAsync(settings.StoredBefore);
        await _load.WarmUpAsync(shop);
        await shop.Database.AgeAsync(settings.LogSegments);
        var few = await IntakeAndDrainAsync(shop);
        await shop.Database.SeedAsync(settings.StoredAfter);
        var many = await IntakeAndDrainAsync(shop);
        report.Add(few.Intake / many.Intake, "×", "growth", "intake");
        report.Add(few.Drain / many.Drain, "×", "growth", "paid");
    }

    /// <summary>
    /// What telemetry costs the order service, and what a collector in trouble does to it: one replica for each way, on one broker and
    /// one database, loaded in turns. Of each turn the ratio to the replica without telemetry counts, and of those the median.
    /// </summary>
    public async Task TelemetryAsync()
    {
        await using var slow = await OtlpSink.StartAsync(TimeSpan.FromSeconds(30));
        (string Name, OtlpSink Collector, (string, string)[] Settings)[] variants =
        [
            ("off", telemetry, [("OTEL_SDK_DISABLED", "true")]),
            ("sampled", telemetry, []),
            ("full", telemetry, [("Telemetry__SamplingRatio", "1")]),
            ("slowCollector", slow, []),
            ("absentCollector", telemetry, [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]),
        ];
        await using var shop = await BenchShop.StartAsync(telemetry);
        await shop.StopPaymentServiceAsync();
        var replicas = new List<ServiceProcess>();
        foreach (var (_, collector, changed) in variants)
            replicas.Add(await shop.StartOrderReplicaAsync(collector, changed));
        foreach (var replica in replicas)
            await Wrk.RunAsync(shop.Target.At(replica.BaseAddress), 256, settings.WarmUp);

        var turns = variants.ToDictionary(variant => variant.Name, _ => new List<(double Rate, double Cpu)>());
        for (var turn = 0; turn < settings.TelemetryTurns; turn++)
            foreach (var i in Enumerable.Range(0, variants.Length).OrderBy(i => turn % 2 == 0 ? i : -i))
            {
                var before = Usage.Of([replicas[i].Id]);
                var rate = await Wrk.RunAsync(shop.Target.At(replicas[i].BaseAddress), 256, settings.TelemetryTurn);
                turns[variants[i].Name].Add((rate, (Usage.Of([replicas[i].Id]) - before).CpuSeconds * 1e6 / (rate * settings.TelemetryTurn.TotalSeconds)));
            }
        foreach (var replica in replicas)
            await replica.DisposeAsync();
        foreach (var (name, measured) in turns)
        {
            report.Add(Median(measured.Select(m => m.Rate)), "orders/s", "telemetry", name, "intake");
            report.Add(Median(measured.Select(m => m.Cpu)), "µs", "telemetry", name, "cpuMicrosPerOrder");
            report.Add(Median(measured.Zip(turns["off"], (m, off) => m.Cpu / off.Cpu)), "×", "telemetry", name, "cost");
        }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ToArray() is var sorted ? sorted[sorted.Length / 2] : 0;

    /// <summary>A shop that has taken its first orders and has nothing to do.</summary>
    public async Task IdleAsync()
    {
        await using var shop = await BenchShop.StartAsync(telemetry);
        await new OpenLoop(shop.Target).RunAsync(100, settings.WarmUp, Patience);
        await shop.DrainedAsync(Patience);
        // What is compiled in the background after those orders is no part of idling.
        await Task.Delay(settings.Idle);
        var before = shop.UsageByProcess();
        await Task.Delay(settings.Idle);
        foreach (var (process, ids) in shop.Processes)
        {
            report.Add((Usage.Of(ids) - before[process]).CpuSeconds / settings.Idle.TotalSeconds * 100, "% of a core", "idle", "cpu", process);
            if (process is "postgres")
                continue;
            report.Add(Usage.ResidentMB(ids[0]), "MB", "idle", "residentMB", process);
            report.Add(Usage.ProportionalMB(ids[0]), "MB", "idle", "proportionalMB", process);
        }
    }

    /// <summary>The broker is killed under a steady load, and is back after a while.</summary>
    public async Task RecoveryAsync()
    {
        const int rate = 500;
        await using var shop = await BenchShop.StartAsync(telemetry);
        await _load.WarmUpAsync(shop);
        var load = new OpenLoop(shop.Target);
        var running = load.RunAsync(rate, settings.Outage + settings.AfterOutage, Patience);
        await Eventually.True("orders are paid", () => load.Posted > 3 * rate && load.Outstanding < rate, Patience);

        shop.Nats.Kill();
        await Task.Delay(settings.Outage);
        await shop.Nats.RestartAsync();
        var back = _clock.GetTimestamp();
        await Eventually.True("what waited is paid", () => load.Outstanding < rate, Patience);
        report.Add(_clock.GetElapsedTime(back).TotalSeconds, "s", "recoverySeconds");
        await running;
        if (load.Failed > 0)
            throw new InvalidOperationException($"of {load.Posted} orders {load.Failed} were refused");
        // Not by the events that were seen: the services may be connected again, and tell of an order, before the one who watches is.
        await shop.DrainedAsync(Patience);
    }

    private async Task LatenciesAsync(BenchShop shop)
    {
        foreach (var rate in Settings.Rates)
        {
            var before = shop.UsageByProcess();
            var (wal, stored) = (await shop.Database.WalAsync(), shop.StoredBytes());
            var load = new OpenLoop(shop.Target);
            var latencies = await load.RunAsync(rate, settings.Latency, Patience);
            if (load.Outstanding > 0)
                throw new InvalidOperationException($"at {rate}/s, of {load.Posted} orders {load.Outstanding} were not paid");
            // More than the machine can do: the percentiles are those of the orders that were taken.
            if (load.Failed > 0)
                report.Add(load.Failed, "orders", "latencyMs", $"{rate}", "refused");
            foreach (var (name, share) in new[] { ("p50", 0.5), ("p99", 0.99), ("p999", 0.999) })
                report.Add(latencies[Math.Min(latencies.Length - 1, (int)(share * latencies.Length))], "ms", "latencyMs", $"{rate}", name);
            if (rate != Settings.Rates[^1])
                continue;

            // The whole life of an order, all of it within these seconds.
            foreach (var (process, ids) in shop.Processes)
            {
                var used = Usage.Of(ids) - before[process];
                report.Add(used.CpuSeconds * 1e6 / load.Posted, "µs", "cpuMicrosPerOrder", process);
                if (process is "postgres")
                    report.Add(used.WrittenBytes / (double)load.Posted, "bytes", "writtenBytesPerOrder", process);
            }
            report.Add((await shop.Database.WalAsync() - wal) / (double)load.Posted, "bytes", "writtenBytesPerOrder", "wal");
            report.Add((shop.StoredBytes() - stored) / (double)load.Posted, "bytes", "writtenBytesPerOrder", "nats");
        }
    }

    private async Task<(double Intake, double Drain)> IntakeAndDrainAsync(BenchShop shop)
    {
        await shop.StopPaymentServiceAsync();
        var intake = await _load.IntakeAsync(shop, 64);
        var drain = await _load.DrainRateAsync(shop);
        await shop.DrainedAsync(Patience);
        return (intake, drain);
    }

    /// <summary>A backlog of events that a broker's absence left, as the order service finds it at its start.</summary>
    public async Task RelayAsync()
    {
        const string subject = "orders.bench";
        await using var shop = await BenchShop.StartAsync(telemetry);
        await _load.WarmUpAsync(shop);
        await shop.Database.OweAsync(settings.RelayEvents, subject);
        await Eventually.True("it has begun", async () => await shop.Target.CountAsync("ORDERS", subject) > 0, Patience);
        var (started, first) = (_clock.GetTimestamp(), await shop.Target.CountAsync("ORDERS", subject));
        await Eventually.True(
            "all are relayed", async () => await shop.Target.CountAsync("ORDERS", subject) == settings.RelayEvents, Patience);
        report.Add((settings.RelayEvents - first) / _clock.GetElapsedTime(started).TotalSeconds, "events/s", "relay");
    }
}
