
namespace ShopBench;

/// <summary>What is done to a shop, for as long as the settings say.</summary>
internal sealed class Load(Settings settings)
{
    /// <summary>How long a shop may take for what it is to have done before the next measurement.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>
    /// Posts as the measurements do, as fast as it goes and at a steady rate: each process, this one among them, has compiled what it runs
    /// often, and filled its pools.
    /// </summary>
    public async Task WarmUpAsync(BenchShop shop)
    {
        await TakeAsync(shop, 64, settings.WarmUp);
        await shop.DrainedAsync(Patience);
        await new OpenLoop(shop.Target).RunAsync(1000, settings.WarmUp, Patience);
    }

    /// <returns>Orders taken per second, at so many connections.</returns>
    public Task<double> IntakeAsync(BenchShop shop, int connections) => TakeAsync(shop, connections, settings.Intake);

    /// <summary>Starts the payment service on a backlog, and counts once it is at work.</summary>
    /// <returns>Orders paid per second.</returns>
    public async Task<double> DrainRateAsync(BenchShop shop)
    {
        var before = await shop.Target.PaidAsync();
        await shop.StartPaymentServiceAsync();
        await Eventually.True("it is at work", async () => await shop.Target.PaidAsync() > before + 2000, Patience);
        return await Peer.PaidRateAsync(shop.Target, settings.Paying);
    }

    /// <returns>Orders paid and taken per second, both services at work.</returns>
    public async Task<(double Paid, double Taken)> TogetherAsync(BenchShop shop)
    {
        var taking = TakeAsync(shop, 64, settings.Paying);
        var paid = await Peer.PaidRateAsync(shop.Target, settings.Paying);
        return (paid, await taking);
    }

    /// <summary>Posts to every replica, each with its share of the connections.</summary>
    private static async Task<double> TakeAsync(BenchShop shop, int connections, TimeSpan duration) =>
        (await Task.WhenAll(shop.Targets.Select(target => Wrk.RunAsync(target, connections / shop.Targets.Count, duration)))).Sum();
}
