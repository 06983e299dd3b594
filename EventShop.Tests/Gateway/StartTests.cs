using EventShop.Messaging.Testing;

namespace EventShop.Tests.Gateway;

/// <summary>Holds for every service: what it cannot start without is one line, and exit code 1.</summary>
public sealed class StartTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("gateway-");

    [Theory]
    [InlineData("Telemetry__SamplingRatio", "7", "Telemetry:SamplingRatio is '7': must be from 0 to 1")]
    [InlineData("Telemetry__SamplingRatio", "half", "Telemetry:SamplingRatio is 'half': must be a number")]
    [InlineData("Gateway__ChaosSeed", "x", "Gateway:ChaosSeed is 'x': must be a whole number")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost", "OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL, but is 'localhost'")]
    public async Task A_wrong_setting_is_one_line_that_names_key_value_and_what_is_allowed(string name, string value, string line)
    {
        var (exitCode, errors) = await ServiceProcess.RunToEnd("services/PaymentGateway", Environment((name, value)));

        Assert.Equal(1, exitCode);
        Assert.Contains(line, Assert.Single(errors.Split('\n')));
    }

    [Fact]
    public async Task An_address_in_use_is_one_line()
    {
        await using var first = await ServiceProcess.Start("services/PaymentGateway", Environment());
        var ledger = Path.Combine(folder.FullName, "other.jsonl");

        var (exitCode, errors) = await ServiceProcess.RunToEnd(
            "services/PaymentGateway", GatewayClient.Environment(ledger, ("ASPNETCORE_URLS", first.BaseAddress.ToString())));

        Assert.Equal(1, exitCode);
        Assert.Contains("address already in use", Assert.Single(errors.Split('\n')));
    }

    [Fact]
    public async Task In_a_container_logs_are_json()
    {
        await using var service = await ServiceProcess.Start("services/PaymentGateway", Environment(("DOTNET_RUNNING_IN_CONTAINER", "true")));

        Assert.All(service.Output.Split('\n'), line => Assert.StartsWith("{", line));
    }

    public void Dispose() => folder.Delete(recursive: true);

    private Dictionary<string, string?> Environment(params (string, string)[] settings)
        => GatewayClient.Environment(Path.Combine(folder.FullName, "ledger.jsonl"), settings);
}
