using ShopBench;

// Usage: ShopBench [--quick] [--peer folder] [--only name[,name]]; names: peer, shop, relay, growth, telemetry, idle, recovery, replicas, cluster. See docs/performance.md.
var quick = args.Contains("--quick");
var peer = Value("--peer");
var only = Value("--only")?.Split(',');
var settings = quick ? Settings.Quick : Settings.Full;
var natsServer = await Machine.NatsServerAsync();
var report = new Report();
report.AddText("machine", Machine.Describe(natsServer));
report.AddText("mode", quick ? "quick" : "full");

await using (var telemetry = await OtlpSink.StartAsync())
{
    var measurements = new Measurements(settings, report, telemetry);
    await SectionAsync("peer", async () =>
    {
        if (peer is not null)
            await new Peer(peer, settings, report).MeasureAsync(natsServer);
    });
    await SectionAsync("shop", measurements.ShopAsync);
    await SectionAsync("relay", measurements.RelayAsync);
    await SectionAsync("growth", measurements.GrowthAsync);
    await SectionAsync("telemetry", measurements.TelemetryAsync);
    await SectionAsync("idle", measurements.IdleAsync);
    await SectionAsync("recovery", measurements.RecoveryAsync);
    var scaling = new Scaling(settings, report, telemetry);
    await SectionAsync("replicas", scaling.ReplicasAsync);
    await SectionAsync("cluster", () => scaling.ClusterAsync(natsServer));
}
report.PrintGoals();
report.Save(Repository.File("artifacts/bench.json"));
return 0;

string? Value(string option) => Array.IndexOf(args, option) is var at && at >= 0 && at + 1 < args.Length ? args[at + 1] : null;

async Task SectionAsync(string name, Func<Task> measure)
{
    // The short mode has no time for these, unless it is asked to.
    if (!(only?.Contains(name) ?? !(quick && name is "growth" or "telemetry" or "idle" or "replicas" or "cluster")))
        return;
    Console.WriteLine(name);
    await measure();
}
