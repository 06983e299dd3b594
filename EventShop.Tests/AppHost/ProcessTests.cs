using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace EventShop.Tests.AppHost;

/// <summary>The AppHost as `./run.sh` runs it: how it starts, ends and is killed.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly string _folder = DataFolders.New();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => DataFolders.Delete(_folder);

    [Fact]
    public async Task A_killed_AppHost_leaves_nothing_running_the_next_has_its_orders_and_stops_services_before_servers()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "processes are found in /proc");
        Guid order;
        await using (var killed = await AppHostProcess.StartAsync(_folder))
        {
            using var http = new HttpClient { BaseAddress = killed.Address("order-service") };
            using var placed = await http.PostAsJsonAsync(
                "/orders", new { customerId = "c-1", items = new[] { new { sku = "SKU-1", quantity = 1 } }, paymentToken = "tok_ok" }, Token);
            order = (await placed.Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("id").GetGuid();

            var second = await AppHostProcess.RunToEndAsync(_folder, "--DcpPublisher:RandomizePorts=true");
            var reset = await AppHostProcess.RunToEndAsync(_folder, "--Infrastructure:Reset=true");
            Assert.Equal(
                (1, $"Another AppHost is using the data folder '{_folder}': stop it, or set Infrastructure:DataFolder to another folder."), LastLine(second));
            Assert.Equal(LastLine(second), reset);

            Assert.Superset(
                new HashSet<string> { "OrderService", "PaymentService", "PaymentGateway", "nats-server", "postgres", "dcp" }, killed.Programs().Values.ToHashSet());
            await killed.KillAsync();
            await Eventually.True("nothing of the shop is left", () => killed.Programs().Count == 0, TimeSpan.FromSeconds(60));
        }

        await using (var next = await AppHostProcess.StartAsync(_folder))
        {
            using var http = new HttpClient { BaseAddress = next.Address("order-service") };
            await Eventually.True(
                "the order is paid",
                async () => (await http.GetFromJsonAsync<JsonElement>($"/orders/{order}", Token)).GetProperty("status").GetString() == "Paid", TimeSpan.FromSeconds(60));

            var ended = (await next.StopAsync()).ToList();

            var services = new[] { "OrderService", "PaymentService" }.Max(ended.IndexOf);
            var gateway = ended.IndexOf("PaymentGateway");
            var servers = new[] { "nats-server", "postgres" }.Min(ended.IndexOf);
            Assert.True(ended.IndexOf("PaymentService") < gateway && services < servers, $"they ended in this order: {string.Join(", ", ended)}");
            await Eventually.True("the orchestrator has ended too", () => next.Programs().Count == 0, TimeSpan.FromSeconds(10));
        }

        var dropped = await AppHostProcess.RunToEndAsync(_folder, "--Infrastructure:Reset=true");
        Assert.Equal(0, dropped.ExitCode);
        Assert.StartsWith("Dropped ", dropped.Output, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(_folder, "postgres"), dropped.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder));
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_in_one_line_before_anything_starts()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        string[] others = ["--Ports:payment-service=1", "--Ports:payment-gateway=1", "--Ports:order-service=1"];

        var service = await AppHostProcess.RunToEndAsync(_folder, [.. others[..2], $"--Ports:order-service={port}"]);
        Assert.Equal(1, service.ExitCode);
        Assert.Equal(
            $"Port {port} of order-service is taken: stop what listens on it, set Ports:order-service to another, or take free ports for all (./run.sh --ports random).",
            LastLine(service).Line);

        var dashboard = await AppHostProcess.RunToEndAsync(_folder, [.. others, $"--ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL=http://localhost:{port}"]);
        Assert.Equal(1, dashboard.ExitCode);
        Assert.StartsWith($"Port {port} of the dashboard is taken: stop what listens on it, set ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", LastLine(dashboard).Line, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "postgres")));
    }

    [Theory]
    [InlineData("--Ports:shop=5101", "Ports:shop names no resource, allowed are nats, order-service, payment-gateway, payment-service, postgres.")]
    [InlineData("--Ports:nats=many", "Ports:nats is 'many', allowed is a port from 1 to 65535.")]
    [InlineData("--Infrastructure:Mode=Cloud", "Infrastructure:Mode is 'Cloud', allowed is Containers or Local.")]
    public async Task A_wrong_setting_is_told_in_one_line(string setting, string line) =>
        Assert.Equal((1, line), await AppHostProcess.RunToEndAsync(_folder, setting));

    private static (int ExitCode, string Line) LastLine((int ExitCode, string Output) run) => (run.ExitCode, run.Output.Split('\n')[^1].Trim());
}
