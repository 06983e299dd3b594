using System.Text.Json;

namespace EventShop.Messaging.Tests;

/// <summary>The sample's own command line, and the tool that finds it.</summary>
public sealed class SampleCommandTests(SharedPostgres postgres)
{
    private const string Project = "samples/Shipping";
    private const string Tool = "tools/EventShop.Cli";

    [Fact]
    public async Task A_command_answers_on_stdout_alone_and_takes_settings_of_the_host()
    {
        await using var nats = await NatsServer.StartAsync();
        var environment = await EnvironmentAsync(nats);

        var (applied, _, _) = await ServiceProcess.RunCommand(Project, environment, "schema", "apply", "--Messaging:Schema=mail");
        var (exitCode, output, errors) = await ServiceProcess.RunCommand(Project, environment, "status", "--Messaging:Schema=mail", "--json");

        Assert.Equal((0, 0), (applied, exitCode));
        var status = JsonElement.Parse(output);
        Assert.True(status.GetProperty("nats").GetProperty("isReachable").GetBoolean(), errors);
        Assert.Equal(0, status.GetProperty("outbox").GetProperty("unsent").GetInt64());
        Assert.Equal(["PARCELS", "DEAD_LETTERS_SHIPPING"], status.GetProperty("streams").EnumerateArray().Select(stream => stream.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task What_is_wrong_is_one_line_on_stderr()
    {
        await using var nats = await NatsServer.StartAsync();
        var environment = await EnvironmentAsync(nats);
        nats.Kill();

        var (exitCode, output, errors) = await ServiceProcess.RunCommand(Project, environment, "dead-letters", "list");

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Matches($"^Shipping dead-letters: NATS at {nats.Url}: [^\n]*$", errors);
    }

    [Fact]
    public async Task The_tool_finds_the_service_and_passes_its_answer_and_its_exit_code_on()
    {
        await using var nats = await NatsServer.StartAsync();
        var environment = await EnvironmentAsync(nats);
        var dll = Repository.File(Path.Combine(Project, "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, "net10.0", "Shipping.dll"));

        foreach (var service in new[] { Repository.File(Project), dll })
        {
            var (exitCode, output, _) = await ServiceProcess.RunCommand(Tool, environment, service, "schema", "script");
            Assert.Equal(0, exitCode);
            Assert.Contains("create table outbox ", output, StringComparison.Ordinal);
        }
        var (failed, _, errors) = await ServiceProcess.RunCommand(Tool, environment, Repository.File(Project), "parked", "frobnicate");
        Assert.Equal(1, failed);
        Assert.StartsWith("Shipping parked: 'frobnicate' is not known. Possible: parked list ", errors, StringComparison.Ordinal);

        Assert.Contains("eventshop SERVICE VERB", (await ServiceProcess.RunCommand(Tool, environment)).Output, StringComparison.Ordinal);
        Assert.Equal(
            (1, "", "eventshop: /nowhere is neither a dll nor the folder of a project"), await ServiceProcess.RunCommand(Tool, environment, "/nowhere", "status"));
    }

    private async Task<Dictionary<string, string?>> EnvironmentAsync(NatsServer nats)
    {
        var database = postgres.NewDatabase("shipping");
        await postgres.ExecuteAsync($"create database {new Npgsql.NpgsqlConnectionStringBuilder(database).Database}");
        return new() { ["ConnectionStrings__nats"] = nats.Url, ["ConnectionStrings__shipping"] = database };
    }
}
