using System.Text.RegularExpressions;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace EventShop.Tests.AppHost;

/// <summary>The diagram, for each place it is drawn for. Nothing is started.</summary>
public sealed partial class ModelTests : IDisposable
{
    private readonly string _folder = DataFolders.New();

    private static readonly string[] Everywhere = ["nats", "orders", "payments", "payment-gateway", "payment-service", "order-service"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => DataFolders.Delete(_folder);

    [Fact]
    public async Task With_containers_the_model_has_the_whole_diagram_of_the_images_that_Compose_has()
    {
        await using var builder = await CreateAsync();

        Assert.Empty(Everywhere.Union(["postgres", "jaeger", "prometheus"]).Except(Names(builder)));
        var images = builder.Resources.OfType<ContainerResource>().Select(c => c.Annotations.OfType<ContainerImageAnnotation>().Last())
            .Select(image => $"{image.Image.Replace("library/", "", StringComparison.Ordinal)}:{image.Tag}");
        var compose = ComposeImage().Matches(await File.ReadAllTextAsync(Repository.File("deploy/compose.yaml"), Token)).Select(match => match.Groups["image"].Value);
        Assert.Empty(images.Except(compose));
        Assert.True(builder.Resources.TryGetByName("payment-service", out var payments));
        string[] waitedFor = ["nats", "postgres", "payments", "payment-gateway"];
        Assert.Empty(waitedFor.Except(payments.Annotations.OfType<WaitAnnotation>().Select(wait => wait.Resource.Name)));
    }

    [Fact]
    public async Task With_containers_Prometheus_refers_to_every_service_so_that_it_can_reach_them()
    {
        await using var builder = await CreateAsync();

        Assert.True(builder.Resources.TryGetByName("prometheus", out var prometheus));
        Assert.Equal(
            ["order-service", "payment-gateway", "payment-service"],
            prometheus.Annotations.OfType<EndpointReferenceAnnotation>().Select(reference => reference.Resource.Name).Order());
    }

    [Fact]
    public async Task With_local_processes_the_model_has_the_same_names_and_no_container()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "local infrastructure needs Linux or macOS");
        await using var builder = await CreateAsync("--Infrastructure:Mode=Local");

        Assert.Empty(Everywhere.Append("postgres").Except(Names(builder)));
        Assert.Empty(builder.Resources.OfType<ContainerResource>());
    }

    [Fact]
    public async Task Published_the_services_have_two_replicas_and_one_of_them_is_the_way_in()
    {
        await using var builder = await CreateAsync("--operation", "publish", "--Infrastructure:Mode=Local");

        Assert.Equal(
            [("order-service", 2), ("payment-service", 2)],
            builder.Resources.SelectMany(r => r.Annotations.OfType<ReplicaAnnotation>(), (r, replicas) => (r.Name, replicas.Replicas)).Order());
        Assert.Equal(["order-service"], builder.Resources.Where(r => r.Annotations.OfType<EndpointAnnotation>().Any(e => e.IsExternal)).Select(r => r.Name));
        Assert.Empty(builder.Resources.OfType<ExecutableResource>());
    }

    [Theory]
    [InlineData("--Infrastructure:Mode=Cloud")]
    [InlineData("--operation=publish", "--Infrastructure:Nats=Somewhere")]
    [InlineData("--operation=publish", "--step=publish")]
    public async Task What_is_refused_builds_nothing(params string[] arguments) => await Assert.ThrowsAnyAsync<InvalidOperationException>(() => CreateAsync(arguments));

    private Task<IDistributedApplicationTestingBuilder> CreateAsync(params string[] arguments) =>
        DistributedApplicationTestingBuilder.CreateAsync<Projects.EventShop_AppHost>([.. arguments, $"--Infrastructure:DataFolder={_folder}"], Token);

    private static IEnumerable<string> Names(IDistributedApplicationTestingBuilder builder) => builder.Resources.Select(resource => resource.Name);

    [GeneratedRegex(@"_IMAGE:-(?<image>[^}]+)\}$", RegexOptions.Multiline)]
    private static partial Regex ComposeImage();
}
