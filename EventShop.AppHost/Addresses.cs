using System.Globalization;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EventShop.AppHost;

/// <summary>Says where the shop is, once it is open. run.sh waits for this.</summary>
internal sealed partial class Addresses(
    DistributedApplicationModel model, ResourceNotificationService notifications, ILogger<Addresses> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (var service in model.Resources.OfType<ProjectResource>())
        {
            await notifications.WaitForResourceHealthyAsync(service.Name, WaitBehavior.WaitOnResourceUnavailable, stoppingToken);
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

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "The shop is open:{Addresses}")]
    private partial void LogOpen(string addresses);
}
