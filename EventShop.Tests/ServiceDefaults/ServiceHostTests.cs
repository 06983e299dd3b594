using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EventShop.Tests.ServiceDefaults;

public sealed class ServiceHostTests
{
    [Fact]
    public async Task A_service_that_stops_because_a_part_of_it_failed_says_so_by_its_exit_code()
        => Assert.Equal(1, await WebServiceHost.RunAsync([], () => Build(services => services.AddHostedService<Failing>())));

    [Fact]
    public async Task A_service_that_is_told_to_stop_ends_well()
        => Assert.Equal(0, await WebServiceHost.RunAsync([], () => Build(services => services.AddHostedService<Finished>())));

    [Fact]
    public async Task A_defect_is_not_hidden()
        => await Assert.ThrowsAsync<NotSupportedException>(() => WebServiceHost.RunAsync([], () => throw new NotSupportedException()));

    private static WebApplication Build(Action<IServiceCollection> add)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        add(builder.Services);
        return builder.Build();
    }

    private sealed class Failing : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            throw new InvalidOperationException("a defect");
        }
    }

    private sealed class Finished(IHostApplicationLifetime lifetime) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken)
        {
            lifetime.StopApplication();
            return Task.CompletedTask;
        }
    }
}
