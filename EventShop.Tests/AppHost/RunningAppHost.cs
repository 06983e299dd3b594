using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace EventShop.Tests.AppHost;

/// <summary>The real AppHost inside the tests, on local infrastructure and free ports: one for all tests of a class.</summary>
public sealed class RunningAppHost : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    public string Folder { get; } = DataFolders.New();

    public DistributedApplication App { get; private set; } = null!;

    public HttpClient OrderService { get; private set; } = null!;

    public HttpClient PaymentService { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.EventShop_AppHost>(
            ["--Infrastructure:Mode=Local", $"--Infrastructure:DataFolder={Folder}"]);
        builder.Services.AddLogging(logging => logging.ClearProviders());
        App = await builder.BuildAsync();
        await App.StartAsync();
        await HealthyAsync("payment-gateway", "payment-service", "order-service");
        OrderService = App.CreateHttpClient("order-service");
        PaymentService = App.CreateHttpClient("payment-service");
    }

    public async ValueTask DisposeAsync()
    {
        OrderService?.Dispose();
        PaymentService?.Dispose();
        if (App is not null)
        {
            await App.StopAsync();
            await App.DisposeAsync();
            DataFolders.Delete(Folder);
        }
    }

    public async Task HealthyAsync(params string[] resources)
    {
        foreach (var resource in resources)
        {
            await App.ResourceNotifications.WaitForResourceHealthyAsync(resource, WaitBehavior.WaitOnResourceUnavailable).WaitAsync(Patience);
        }
    }

    /// <summary>The snapshot's process id; null when it does not run.</summary>
    public int? ProcessId(string resource) =>
        App.ResourceNotifications.TryGetCurrentState(resource, out var now) && now.Snapshot.State?.Text == KnownResourceStates.Running
        && now.Snapshot.Properties.FirstOrDefault(property => property.Name == "executable.pid")?.Value is { } id
            ? Convert.ToInt32(id, CultureInfo.InvariantCulture)
            : null;

    /// <summary>The server that postgres.sh started.</summary>
    public int? PostmasterId()
    {
        var file = Path.Combine(Folder, "postgres", "data", "postmaster.pid");
        return File.Exists(file) && int.TryParse(File.ReadLines(file).FirstOrDefault(), CultureInfo.InvariantCulture, out var id) ? id : null;
    }

    /// <summary>SIGKILL, to this process only.</summary>
    public static void Kill(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // It has died of itself meanwhile.
        }
    }

    public Task<ExecuteCommandResult> CommandAsync(string resource, string command) =>
        App.ResourceCommands.ExecuteCommandAsync(resource, command, TestContext.Current.CancellationToken);

    /// <summary>Places an order, and tries again when it is told to: what was killed a moment ago may have left a dead session behind.</summary>
    public Task<JsonElement> PlaceAsync(string customer) => Eventually.Value("an order is taken", async () =>
    {
        using var response = await OrderService.PostAsJsonAsync(
            "/orders", new { customerId = customer, items = new[] { new { sku = "SKU-1", quantity = 1 } }, paymentToken = "tok_ok" });
        return response.StatusCode is HttpStatusCode.ServiceUnavailable ? default
            : await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>();
    }, order => order.ValueKind is JsonValueKind.Object);

    public async Task<string?> StatusAsync(JsonElement order) =>
        (await OrderService.GetFromJsonAsync<JsonElement>($"/orders/{order.GetProperty("id").GetGuid()}")).GetProperty("status").GetString();
}
