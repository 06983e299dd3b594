using EventShop.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>
/// Says in one line what messaging lacks. Made before the other hosted services are: they could only be told by the container, with the names of
/// types that nobody outside knows.
/// </summary>
internal sealed class RegistrationCheck : IHostedService
{
    private const string Consumers = "Messaging:Consumers";

    /// <exception cref="StartupException">There is no connection to NATS.</exception>
    public RegistrationCheck(IServiceProvider services, IConfiguration configuration, ILogger<RegistrationCheck> log)
    {
        if (!services.GetRequiredService<IServiceProviderIsService>().IsService(typeof(INatsConnection)))
            throw new StartupException(
                "no INatsConnection is registered: call builder.AddNatsClient(\"nats\") of Aspire.NATS.Net, or builder.Services.AddSingleton<INatsConnection>(…)");
        var known = services.GetServices<ConsumerDefinition>().Select(consumer => consumer.Name).ToArray();
        var unknown = configuration.GetSection(Consumers).GetChildren().Select(section => section.Key).Except(known, StringComparer.OrdinalIgnoreCase).ToArray();
        // No error: services that share an environment have each other's settings.
        foreach (var name in unknown)
            log.SettingsOfNoConsumer($"{Consumers}:{name}", known.Length == 0 ? "none" : string.Join(", ", known));
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
