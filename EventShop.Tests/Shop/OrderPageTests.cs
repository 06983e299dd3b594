using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging.Testing;
using Npgsql;
using OrderService;

namespace EventShop.Tests.Shop;

/// <summary><c>GET /orders</c>: pages of constant cost.</summary>
public sealed class OrderPageTests(SharedPostgres postgres)
{
    // 300,000 orders of 1,000 customers, one in 50 paid, their ids in the order of their numbers.
    private const string Seed = """
        insert into orders (id, customer_id, status, currency, total, items, history, created_at)
        select ('0192f3a0-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'c-' || n % 1000, case n % 50 when 0 then 'Paid' else 'Declined' end,
               'EUR', 1, '[]', '[]', '2026-01-01'::timestamptz + n * interval '1 second'
        from generate_series(1, 300000) n;
        analyze orders
        """;

    [Fact]
    public async Task Pages_hold_every_order_once_newest_first_whatever_is_asked_for()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var placed = new List<Guid>();
        for (var i = 0; i < 45; i++)
            placed.Add(await shop.PlaceAsync(i % 3 == 0 ? "tok_declined" : "tok_ok"));
        await shop.AllSettledAsync();

        var all = await AllPagesAsync(shop, "");
        var declined = await AllPagesAsync(shop, "status=Declined&limit=4");
        var mine = await AllPagesAsync(shop, "customerId=c-42&status=Paid&limit=7");
        var nobodys = await AllPagesAsync(shop, "customerId=nobody");

        Assert.Equal([20, 20, 5], all.Select(page => page.Length));
        Assert.Equal(placed.Order(), all.SelectMany(page => page).Order());
        Assert.Equal(placed.Where((_, i) => i % 3 == 0).Order(), declined.SelectMany(page => page).Order());
        Assert.Equal(placed.Where((_, i) => i % 3 != 0).Order(), mine.SelectMany(page => page).Order());
        Assert.Empty(Assert.Single(nobodys));
    }

    [Theory]
    [InlineData("customerId=c+1", "customerId")]
    [InlineData("status=paid", "status")]
    [InlineData("status=1", "status")]
    [InlineData("after=nonsense", "after")]
    [InlineData("after=AAAAAAAAAAAAAAAAAAAAA%3D", "after")]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=101", "limit")]
    [InlineData("limit=-1", "limit")]
    [InlineData("limit=ten", "limit")]
    [InlineData("limit=1000000000000&status=x", "limit", "status")]
    public async Task A_bad_parameter_is_refused_by_name(string query, params string[] names)
    {
        await using var shop = await ServiceProcess.Start("services/OrderService", new Dictionary<string, string?>
        {
            ["ConnectionStrings__nats"] = "nats://127.0.0.1:1",
            ["ConnectionStrings__orders"] = postgres.NewDatabase(),
        });

        using var response = await shop.Client.GetAsync($"/orders?{query}", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        Assert.Equal(names, problem.GetProperty("errors").EnumerateObject().Select(error => error.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Page_ten_thousand_is_a_range_of_an_index_like_the_first()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        await shop.ExecuteOrdersAsync(Seed);
        var deep = new Guid("0192f3a0-0000-7000-8000-0000000186a0"); // number 100,000: 10,000 pages of 20 from the newest

        foreach (var (customer, status) in new (string?, OrderStatus?)[] { (null, null), ("c-7", null), (null, OrderStatus.Paid), ("c-50", OrderStatus.Paid), ("c-7", OrderStatus.Paid) })
            foreach (var after in new Guid?[] { null, deep })
            {
                var page = new OrderPage(customer, status, after, Limit: 20);
                var plan = await shop.ExplainOrdersAsync(
                    page.Sql, new("CustomerId", customer ?? ""), new("Status", $"{status}"), new("After", after ?? Guid.Empty), new("Take", 21));
                var scans = Scans(plan).ToArray();
                Assert.All(scans, scan => Assert.Equal(
                    ("Index Scan", "Backward"), (scan.GetProperty("Node Type").GetString(), scan.GetProperty("Scan Direction").GetString())));
                Assert.All(scans, scan => Assert.False(
                    scan.TryGetProperty("Rows Removed by Filter", out var passedOver), $"{page}: {passedOver} rows were passed over"));
                // Of one customer in any status: a page of each status.
                var (statuses, found) = (customer is null || status is not null ? 1 : 5, customer == "c-7" && status is not null ? 0 : 21);
                Assert.InRange(scans.Sum(scan => scan.GetProperty("Actual Rows").GetDouble() * scan.GetProperty("Actual Loops").GetDouble()), 0, found * statuses);
                Assert.Equal(found, plan.GetProperty("Actual Rows").GetDouble());
            }

        Assert.Equal(20, (await AllPagesAsync(shop, $"limit=20&after={OrderPage.Cursor(deep)}", pages: 1))[0].Length);
    }

    /// <summary>The nodes of a plan that read the table of orders.</summary>
    private static IEnumerable<JsonElement> Scans(JsonElement node)
    {
        if (node.TryGetProperty("Relation Name", out _))
            yield return node;
        if (node.TryGetProperty("Plans", out var children))
            foreach (var scan in children.EnumerateArray().SelectMany(Scans))
                yield return scan;
    }

    private static async Task<List<Guid[]>> AllPagesAsync(RunningShop shop, string query, int pages = int.MaxValue)
    {
        var found = new List<Guid[]>();
        string? after = null;
        do
        {
            var page = await shop.OrderService.Client.GetFromJsonAsync<JsonElement>(
                $"/orders?{query}{(after is null ? "" : $"&after={after}")}", TestContext.Current.CancellationToken);
            found.Add([.. page.GetProperty("orders").EnumerateArray().Select(order => order.GetProperty("id").GetGuid())]);
            after = page.GetProperty("next").GetString();
        }
        while (after is not null && found.Count < pages);
        return found;
    }
}
