using System.Globalization;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EventShop.AppHost;

/// <summary>Says where the shop is, once requests may be sent to all of it. run.sh waits for this.</summary>
internal sealed partial class Addresses(
    DistributedApplicationModel model, ResourceNotificationService notifications, ILogger<Addresses> logger) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (var service in model.Resources.OfType<ProjectResource>())
        {
            // Not until it is healthy: an event or a payment that is stuck since yesterday keeps nobody out.
            await notifications.WaitForResourceAsync(service.Name, KnownResourceStates.Running, stoppingToken);
            await ReadyAsync(service.GetEndpoint("http"), stoppingToken);
        }

        var addresses = new StringBuilder();
        foreach (var resource in model.Resources)
        {
            var urls = notifications.TryGetCurrentState(resource.Name, out var state) && !state.Snapshot.IsHidden ? state.Snapshot.Urls : [];
            foreach (var url in urls.Where(url => !url.IsInternal))
            {
                addresses.Append(CultureInfo.InvariantCulture, $"{Environment.NewLine}  {resource.Name,-16} {url.DisplayProperties.DisplayName,-12} {url.Url}");
            }
        }

        LogOpen(addresses.ToString());
    }

    private async Task ReadyAsync(EndpointReference endpoint, CancellationToken stoppingToken)
    {
        // The factory's clients log each request, and these are many.
        using var client = new HttpClient();
        while (true)
        {
            try
            {
                using var answer = await client.GetAsync($"{endpoint.Url}/ready", stoppingToken);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }

            await Task.Delay(Pause, stoppingToken);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "The shop is open:{Addresses}")]
    private partial void LogOpen(string addresses);
}
