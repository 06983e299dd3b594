using System.Net;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EventShop.Tests;

/// <summary>The real AppHost inside a test.</summary>
public sealed class AppHostTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_whole_shop_starts_on_local_infrastructure_and_every_service_is_healthy()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "local infrastructure needs Linux or macOS");
        var data = Directory.CreateTempSubdirectory("eventshop-").FullName;
        try
        {
            // Not the temporary folder itself, which is its owner's alone: PostgreSQL may run as another user.
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(data, (UnixFileMode)0b111_101_101);
            var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.EventShop_AppHost>(
                ["--Infrastructure:Mode=Local", $"--Infrastructure:DataFolder={Path.Combine(data, "data")}"], Token);
            builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
            await using var shop = await builder.BuildAsync(Token);
            await shop.StartAsync(Token);

            foreach (var service in (string[])["payment-gateway", "payment-service", "order-service"])
            {
                await shop.ResourceNotifications.WaitForResourceHealthyAsync(service, Token);
                using var client = shop.CreateHttpClient(service);
                using var health = await client.GetAsync("/health", Token);
                Assert.Equal(HttpStatusCode.OK, health.StatusCode);
            }
            Assert.StartsWith("nats://nats:", await shop.GetConnectionStringAsync("nats", Token));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task With_containers_the_model_has_the_whole_diagram()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.EventShop_AppHost>(Token);

        Assert.Superset(
            new HashSet<string>
            {
                "nats", "postgres", "orders", "payments", "jaeger", "prometheus", "order-service", "payment-service",
                "payment-gateway",
            },
            builder.Resources.Select(r => r.Name).ToHashSet());
        var images = builder.Resources.OfType<ContainerResource>()
            .ToDictionary(c => c.Name, c => c.Annotations.OfType<ContainerImageAnnotation>().Last());
        Assert.DoesNotContain("latest", images.Values.Select(i => i.Tag));
        Assert.Equal("jaegertracing/jaeger", images["jaeger"].Image);
        Assert.True(builder.Resources.TryGetByName("payment-service", out var payments));
        Assert.Superset(
            new HashSet<string> { "nats", "postgres", "payments", "payment-gateway" },
            payments.Annotations.OfType<WaitAnnotation>().Select(w => w.Resource.Name).ToHashSet());
    }

    [Theory]
    [InlineData("Any", null)]
    [InlineData("ContainerApps", "azure")]
    [InlineData("Compose", "compose")]
    public async Task Published_the_model_has_containers_volumes_secret_parameters_one_way_in_and_nothing_of_local_mode(string target, string? environment)
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.EventShop_AppHost>(
            ["--operation", "publish", $"--Publish:Environment={target}", "--Infrastructure:Mode=Local", "--Infrastructure:NatsPort=nonsense"], Token);

        var names = builder.Resources.Select(r => r.Name).ToHashSet();
        Assert.Superset(new HashSet<string> { "nats", "postgres", "orders", "payments", "payment-gateway", "payment-service", "order-service" }, names);
        Assert.Equal(environment is null ? [] : [environment], names.Intersect(["azure", "compose"]));
        Assert.Empty(builder.Resources.OfType<ExecutableResource>());
        Assert.Equal(["nats", "postgres"], builder.Resources.OfType<ContainerResource>().Select(c => c.Name).Order());
        Assert.All(builder.Resources.OfType<ContainerResource>(), container =>
            Assert.Equal(ContainerMountType.Volume, Assert.Single(container.Annotations.OfType<ContainerMountAnnotation>()).Type));
        var nats = Assert.Single(builder.Resources.OfType<NatsServerResource>());
        var postgres = Assert.Single(builder.Resources.OfType<PostgresServerResource>());
        Assert.True(nats.PasswordParameter!.Secret && postgres.PasswordParameter.Secret);
        var external = builder.Resources.Where(r => r.Annotations.OfType<EndpointAnnotation>().Any(e => e.IsExternal)).Select(r => r.Name);
        Assert.Equal(["order-service"], external);
    }

    [Fact]
    public async Task An_unknown_target_publishes_nothing() =>
        await Assert.ThrowsAnyAsync<InvalidOperationException>(
            () => DistributedApplicationTestingBuilder.CreateAsync<Projects.EventShop_AppHost>(
                ["--operation", "publish", "--Publish:Environment=Mainframe"], Token));

    [Fact]
    public async Task An_unknown_infrastructure_mode_builds_nothing() =>
        await Assert.ThrowsAnyAsync<InvalidOperationException>(
            () => DistributedApplicationTestingBuilder.CreateAsync<Projects.EventShop_AppHost>(
                ["--Infrastructure:Mode=Cloud"], Token));
}
