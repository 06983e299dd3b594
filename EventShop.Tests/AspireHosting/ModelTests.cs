using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace EventShop.Tests.AspireHosting;

/// <summary>What an AppHost says, before anything is started.</summary>
public sealed class ModelTests
{
    [Fact]
    public async Task A_reference_to_nats_injects_the_connection_string_and_its_parts()
    {
        var builder = Applications.CreateBuilder();
        var nats = builder.AddNats("nats");
        var probe = builder.AddExecutable("probe", "true", ".").WithReference(nats);

        var environment = await Applications.EnvironmentOf(probe.Resource);

        Assert.Equal("{nats.connectionString}", environment["ConnectionStrings__nats"]);
        Assert.Equal("{nats.bindings.tcp.host}", environment["NATS_HOST"]);
        Assert.Equal("{nats.bindings.tcp.port}", environment["NATS_PORT"]);
        Assert.Equal("nats", environment["NATS_USERNAME"]);
        Assert.Equal("{nats-password.value}", environment["NATS_PASSWORD"]);
        Assert.StartsWith("nats://nats:", environment["NATS_URI"]);
    }

    [Fact]
    public void The_connection_string_of_nats_is_a_url_with_user_and_password()
    {
        var nats = Applications.CreateBuilder().AddNats("nats").Resource;

        Assert.Equal(
            "nats://nats:{nats-password.value}@{nats.bindings.tcp.host}:{nats.bindings.tcp.port}",
            nats.ConnectionStringExpression.ValueExpression);
    }

    [Fact]
    public async Task A_reference_to_a_database_injects_the_servers_address_and_the_databases_name()
    {
        var builder = Applications.CreateBuilder();
        var orders = builder.AddPostgres("postgres").AddDatabase("orders");
        var probe = builder.AddExecutable("probe", "true", ".").WithReference(orders);

        var environment = await Applications.EnvironmentOf(probe.Resource);

        Assert.Equal("{orders.connectionString}", environment["ConnectionStrings__orders"]);
        Assert.Equal("orders", environment["ORDERS_DATABASENAME"]);
        Assert.Equal("{postgres.bindings.tcp.host}", environment["ORDERS_HOST"]);
        Assert.Equal("{postgres.connectionString};Database=orders", orders.Resource.ConnectionStringExpression.ValueExpression);
    }

    [Fact]
    public async Task A_reference_to_a_project_injects_its_endpoints_for_service_discovery()
    {
        var builder = Applications.CreateBuilder();
        var gateway = builder.AddProject<Projects.PaymentGateway>("payment-gateway");
        var probe = builder.AddExecutable("probe", "true", ".").WithReference(gateway);

        var environment = await Applications.EnvironmentOf(probe.Resource);

        Assert.Equal("{payment-gateway.bindings.http.url}", environment["services__payment-gateway__http__0"]);
        Assert.Equal("{payment-gateway.bindings.http.url}", environment["PAYMENT_GATEWAY_HTTP"]);
    }

    [Fact]
    public async Task A_reference_can_be_limited_to_service_discovery()
    {
        var builder = Applications.CreateBuilder();
        var gateway = builder.AddProject<Projects.PaymentGateway>("payment-gateway");
        var probe = builder.AddExecutable("probe", "true", ".")
            .WithReferenceEnvironment(ReferenceEnvironmentInjectionFlags.ServiceDiscovery)
            .WithReference(gateway);

        var environment = await Applications.EnvironmentOf(probe.Resource);

        Assert.True(environment.ContainsKey("services__payment-gateway__http__0"));
        Assert.False(environment.ContainsKey("PAYMENT_GATEWAY_HTTP"));
    }

    [Fact]
    public async Task The_nats_container_gets_credentials_jetstream_and_a_store()
    {
        var builder = Applications.CreateBuilder();
        var nats = builder.AddNats("nats").WithJetStream().WithDataVolume("nats-data");

        Assert.Equal(
            ["--user", "nats", "--pass", "{nats-password.value}", "-js", "-sd", "/var/lib/nats"],
            await Applications.ArgumentsOf(nats.Resource));
        var mount = Assert.Single(nats.Resource.Annotations.OfType<ContainerMountAnnotation>());
        Assert.Equal(("nats-data", "/var/lib/nats"), (mount.Source, mount.Target));
    }

    [Fact]
    public void The_launch_profile_gives_a_project_its_port()
    {
        var builder = Applications.CreateBuilder();
        var gateway = builder.AddProject<Projects.PaymentGateway>("payment-gateway").WithExternalHttpEndpoints();

        var endpoint = gateway.GetEndpoint("http").EndpointAnnotation;

        Assert.Equal((5103, "http", true), (endpoint.Port, endpoint.UriScheme, endpoint.IsExternal));
    }

    [Fact]
    public void Waiting_for_a_database_waits_for_its_server_too()
    {
        var builder = Applications.CreateBuilder();
        var postgres = builder.AddPostgres("postgres");
        var orders = postgres.AddDatabase("orders");
        var probe = builder.AddExecutable("probe", "true", ".").WaitFor(orders);

        var waits = probe.Resource.Annotations.OfType<WaitAnnotation>().ToArray();

        Assert.Equivalent(new[] { "postgres", "orders" }, waits.Select(w => w.Resource.Name));
        Assert.All(waits, w => Assert.Equal(WaitType.WaitUntilHealthy, w.WaitType));
    }

    [Fact]
    public void A_resource_cannot_wait_for_itself()
    {
        var probe = Applications.CreateBuilder().AddExecutable("probe", "true", ".");

        Assert.Throws<DistributedApplicationException>(() => probe.WaitFor(probe));
    }

    [Fact]
    public void Two_resources_cannot_have_the_same_name()
    {
        var builder = Applications.CreateBuilder();
        builder.AddExecutable("probe", "true", ".");

        Assert.Throws<DistributedApplicationException>(() => builder.AddExecutable("Probe", "true", "."));
    }

    [Theory]
    [InlineData("1st")]
    [InlineData("with space")]
    [InlineData("double--hyphen")]
    [InlineData("ending-")]
    public void A_name_that_is_no_host_name_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => Applications.CreateBuilder().AddExecutable(name, "true", "."));

    [Fact]
    public async Task A_parameter_is_taken_from_configuration_and_escaped_where_a_url_needs_it()
    {
        var builder = Applications.CreateBuilder("--Parameters:secret=p@ss/word");
        var secret = builder.AddParameter("secret", secret: true);

        var expression = ReferenceExpression.Create($"nats://user:{secret:uri}@host");

        Assert.Equal("nats://user:p%40ss%2Fword@host", await expression.GetValueAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_parameter_nobody_configured_says_which_key_is_missing()
    {
        var secret = Applications.CreateBuilder().AddParameter("secret").Resource;

        var missing = await Assert.ThrowsAsync<MissingParameterValueException>(
            async () => await secret.GetValueAsync(TestContext.Current.CancellationToken));

        Assert.Contains("Parameters:secret", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_generated_password_is_long_and_has_the_characters_allowed()
    {
        var password = new GenerateParameterDefault { Special = false, MinNumeric = 3 }.GetDefaultValue();

        Assert.True(password.Length >= 22);
        Assert.All(password, c => Assert.True(char.IsAsciiLetterOrDigit(c)));
        Assert.True(password.Count(char.IsAsciiDigit) >= 3);
    }

    [Fact]
    public void An_endpoint_that_does_not_exist_is_named_with_those_that_do()
    {
        var gateway = Applications.CreateBuilder().AddProject<Projects.PaymentGateway>("payment-gateway");

        var missing = Assert.Throws<InvalidOperationException>(() => gateway.GetEndpoint("grpc").EndpointAnnotation);

        Assert.Contains("grpc", missing.Message, StringComparison.Ordinal);
        Assert.Contains("`http`", missing.Message, StringComparison.Ordinal);
    }
}
