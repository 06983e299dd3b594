using System.Globalization;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventShop.Tests.AspireHosting;

/// <summary>Executables started, watched and stopped.</summary>
public sealed class RunnerTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("eventshop-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task An_executable_gets_its_variables_with_their_values()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        var copy = Path.Combine(folder, "environ");
        var builder = Applications.CreateBuilder();
        var server = builder.AddExecutable("some-server", "sleep", ".", "600").WithHttpEndpoint(env: "PORT");
        var database = builder.AddConnectionString(
            "orders", ReferenceExpression.Create($"Host=h;Port={server.GetEndpoint("http").Property(EndpointProperty.Port)}"));
        builder.AddExecutable("probe", "cp", ".", "/proc/self/environ", copy)
            .WithReference(database)
            .WithReference(server.GetEndpoint("http"))
            .WithEnvironment("URL", server.GetEndpoint("http"))
            .WithEnvironment("PLAIN", "text");

        await using var application = builder.Build();
        await application.StartAsync(Token);
        await application.ResourceNotifications.WaitForResourceAsync("probe", KnownResourceStates.TerminalStates, Token);

        var port = server.GetEndpoint("http").Port.ToString(CultureInfo.InvariantCulture);
        var environment = await File.ReadAllTextAsync(copy, Token);
        var variables = environment.Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Select(v => v.Split('=', 2)).ToDictionary(v => v[0], v => v[1]);
        Assert.Equal($"Host=h;Port={port}", variables["ConnectionStrings__orders"]);
        Assert.Equal($"http://localhost:{port}", variables["services__some-server__http__0"]);
        Assert.Equal($"http://localhost:{port}", variables["SOME_SERVER_HTTP"]);
        Assert.Equal($"http://localhost:{port}", variables["URL"]);
        Assert.Equal("text", variables["PLAIN"]);
    }

    [Fact]
    public async Task A_resource_starts_only_when_what_it_waits_for_is_healthy_and_ready()
    {
        var (healthy, readyHandled) = (false, false);
        var builder = Applications.CreateBuilder();
        builder.Services.AddHealthChecks().AddCheck(
            "gate", () => healthy ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy());
        var server = builder.AddExecutable("server", "sleep", ".", "600").WithHealthCheck("gate")
            .OnResourceReady((_, _, _) =>
            {
                readyHandled = true;
                return Task.CompletedTask;
            });
        builder.AddExecutable("client", "sleep", ".", "600").WaitFor(server);
        await using var application = builder.Build();
        var started = application.StartAsync(Token);

        await application.ResourceNotifications.WaitForResourceAsync("server", KnownResourceStates.Running, Token);
        await application.ResourceNotifications.WaitForResourceAsync("client", KnownResourceStates.Waiting, Token);
        Assert.False(readyHandled);
        healthy = true;
        await application.ResourceNotifications.WaitForResourceHealthyAsync("client", Token);

        await started;
        Assert.True(readyHandled);
    }

    [Fact]
    public async Task A_resource_can_wait_for_a_job_to_end()
    {
        var builder = Applications.CreateBuilder();
        var job = builder.AddExecutable("job", "sh", ".", "-c", "exit 3");
        builder.AddExecutable("after", "sleep", ".", "600").WaitForCompletion(job, exitCode: 3);
        await using var application = builder.Build();
        await application.StartAsync(Token);

        await application.ResourceNotifications.WaitForResourceAsync("after", KnownResourceStates.Running, Token);

        Assert.True(application.ResourceNotifications.TryGetCurrentState("job", out var ended));
        Assert.Equal(3, ended.Snapshot.ExitCode);
    }

    [Fact]
    public async Task A_resource_does_not_start_when_the_job_it_waits_for_has_failed()
    {
        var builder = Applications.CreateBuilder();
        var job = builder.AddExecutable("job", "sh", ".", "-c", "exit 1");
        builder.AddExecutable("after", "sleep", ".", "600").WaitForCompletion(job);
        await using var application = builder.Build();
        await application.StartAsync(Token);

        await application.ResourceNotifications.WaitForResourceAsync("after", KnownResourceStates.FailedToStart, Token);
    }

    [Fact]
    public async Task A_crash_shows_in_the_state_with_its_exit_code_and_in_the_log()
    {
        var builder = Applications.CreateBuilder();
        builder.AddExecutable("probe", "sh", ".", "-c", "echo last words >&2; exit 7");
        await using var application = builder.Build();
        await application.StartAsync(Token);

        var ended = await application.ResourceNotifications.WaitForResourceAsync(
            "probe", e => e.Snapshot.ExitCode is not null, Token);

        Assert.Equal(7, ended.Snapshot.ExitCode);
        Assert.Contains(ended.Snapshot.State?.Text, KnownResourceStates.TerminalStates);
        await Applications.WaitForLine(application, "probe", "last words");
    }

    [Fact]
    public async Task Waiting_for_the_health_of_something_that_died_does_not_hang()
    {
        var builder = Applications.CreateBuilder();
        builder.Services.AddHealthChecks().AddCheck("never", () => HealthCheckResult.Unhealthy());
        builder.AddExecutable("probe", "sh", ".", "-c", "exit 1").WithHealthCheck("never");
        await using var application = builder.Build();
        await application.StartAsync(Token);

        await Assert.ThrowsAsync<DistributedApplicationException>(
            () => application.ResourceNotifications.WaitForResourceHealthyAsync("probe", Token));
    }

    [Fact]
    public async Task A_program_that_does_not_exist_fails_to_start()
    {
        var builder = Applications.CreateBuilder();
        builder.AddExecutable("probe", "no-such-program-anywhere", ".");
        await using var application = builder.Build();
        await application.StartAsync(Token);

        await application.ResourceNotifications.WaitForResourceAsync("probe", KnownResourceStates.FailedToStart, Token);
    }

    [Fact]
    public async Task A_resource_can_be_stopped_and_started_again()
    {
        var pids = Path.Combine(folder, "pids");
        var builder = Applications.CreateBuilder();
        builder.AddExecutable("probe", "sh", ".", "-c", "echo $$ >> \"$0\"; exec sleep 600", pids);
        await using var application = builder.Build();
        await application.StartAsync(Token);
        await application.ResourceNotifications.WaitForResourceAsync("probe", KnownResourceStates.Running, Token);
        await Eventually.True("the probe runs", async () => (await Pids(pids)).Length == 1);

        var stopped = await application.ResourceCommands.ExecuteCommandAsync("probe", KnownResourceCommands.StopCommand, Token);
        await application.ResourceNotifications.WaitForResourceAsync("probe", KnownResourceStates.TerminalStates, Token);
        var started = await application.ResourceCommands.ExecuteCommandAsync("probe", KnownResourceCommands.StartCommand, Token);
        await application.ResourceNotifications.WaitForResourceAsync("probe", KnownResourceStates.Running, Token);

        Assert.True(stopped.Success && started.Success);
        await Eventually.True("the probe runs again", async () => (await Pids(pids)).Length == 2);
        Assert.False(Directory.Exists($"/proc/{(await Pids(pids))[0]}"));
    }

    [Fact]
    public async Task A_command_of_a_resource_is_run()
    {
        var builder = Applications.CreateBuilder();
        builder.AddExecutable("probe", "sleep", ".", "600")
            .WithCommand("greet", "Greet", context => Task.FromResult(CommandResults.Success($"hello {context.ResourceName}")));
        await using var application = builder.Build();
        await application.StartAsync(Token);
        await application.ResourceNotifications.WaitForResourceAsync("probe", KnownResourceStates.Running, Token);

        var result = await application.ResourceCommands.ExecuteCommandAsync("probe", "greet", Token);

        Assert.True(result.Success);
        Assert.StartsWith("hello probe", result.Message);
    }

    [Fact]
    public async Task Nothing_is_left_behind_when_the_application_is_disposed_of()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        var pids = Path.Combine(folder, "pids");
        var builder = Applications.CreateBuilder();
        builder.AddExecutable("probe", "sh", ".", "-c", "sleep 600 & echo $! >> \"$0\"; echo $$ >> \"$0\"; wait", pids);
        await using (var application = builder.Build())
        {
            await application.StartAsync(Token);
            await Eventually.True("both run", async () => (await Pids(pids)).Length == 2);
            Assert.All(await Pids(pids), pid => Assert.True(Directory.Exists($"/proc/{pid}")));
        }

        await Eventually.True(
            "both are gone", async () => (await Pids(pids)).All(pid => !Directory.Exists($"/proc/{pid}")));
    }

    private static async Task<string[]> Pids(string file) =>
        File.Exists(file) ? await File.ReadAllLinesAsync(file, Token) : [];
}
