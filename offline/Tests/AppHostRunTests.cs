using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Aspire.Hosting;
using EventShop.Tests.AspireHosting;

namespace EventShop.Tests.Offline;

/// <summary>
/// What the stand-in promises beyond the real Aspire, which leaves it to its dashboard: <c>dotnet run</c> itself tells what went wrong,
/// and ends with a status that says so.
/// </summary>
public sealed class AppHostRunTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("eventshop-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Containers_are_refused_with_the_way_out()
    {
        var (status, output) = await Run("--Infrastructure:Mode=Containers");

        Assert.Equal(1, status);
        Assert.Contains("Infrastructure__Mode=Local", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Publishing_is_refused()
    {
        var (status, output) = await Run("--publisher", "manifest", "--Infrastructure:Mode=Local");

        Assert.Equal(1, status);
        Assert.StartsWith("Publishing needs the real Aspire packages", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_mode_is_one_line_with_key_value_and_what_is_allowed()
    {
        var (status, output) = await Run("--Infrastructure:Mode=Cloud");

        Assert.Equal(1, status);
        Assert.Equal("Infrastructure:Mode is 'Cloud', allowed is Containers or Local.", output.Trim());
    }

    [Fact]
    public async Task A_wrong_port_is_one_line_with_key_value_and_what_is_allowed()
    {
        var (status, output) = await Run("--Infrastructure:Mode=Local", "--Infrastructure:NatsPort=70000");

        Assert.Equal(1, status);
        Assert.Equal("Infrastructure:NatsPort is '70000', allowed is a port from 1 to 65535.", output.Trim());
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named_with_its_resource()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;

        var (status, output) = await Run("--Infrastructure:Mode=Local", $"--Infrastructure:PostgresPort={port}");

        Assert.Equal(1, status);
        Assert.Contains($"postgres: port {port} (endpoint 'tcp') is already in use.", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resource_that_dies_ends_the_run_with_its_last_lines()
    {
        var broken = await ScriptAsync("nats-server", "echo the disk is on fire >&2; exit 9");

        var (status, output) = await Run(
            start => start.Environment["NATS_SERVER"] = broken,
            "--Infrastructure:Mode=Local", "--DcpPublisher:RandomizePorts=true");

        Assert.Equal(1, status);
        Assert.Contains("nats-server", output, StringComparison.Ordinal);
        Assert.Contains("exit code 9", output, StringComparison.Ordinal);
        Assert.Contains("  the disk is on fire", output, StringComparison.Ordinal);
        Assert.Contains("Stopping the others.", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_being_created_when_the_run_ends_is_not_gone_on_with()
    {
        var pidFile = Path.Combine(folder, "data", "postgres", "pid");
        await ScriptAsync("postgres", "exit 1");
        await ScriptAsync("initdb", $"echo $$ > {pidFile}; sleep 60; exit 1");
        var broken = await ScriptAsync("nats-server", $"until [ -s {pidFile} ]; do sleep 0.05; done; exit 9");

        var (status, _) = await Run(
            start => (start.Environment["NATS_SERVER"], start.Environment["PG_BIN"]) = (broken, folder),
            "--Infrastructure:Mode=Local", "--DcpPublisher:RandomizePorts=true");

        Assert.Equal(1, status);
        var pid = int.Parse(await File.ReadAllTextAsync(pidFile, Token), CultureInfo.InvariantCulture);
        Assert.Throws<ArgumentException>(() => Process.GetProcessById(pid));
    }

    [Fact]
    public async Task What_waited_for_another_is_stopped_before_it()
    {
        var order = Path.Combine(folder, "order");
        const string Script = "trap 'echo \"$1\" >> \"$0\"; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
        var builder = Applications.CreateBuilder();
        var first = builder.AddExecutable("first", "sh", ".", "-c", Script, order, "first");
        var second = builder.AddExecutable("second", "sh", ".", "-c", Script, order, "second").WaitFor(first);
        builder.AddExecutable("third", "sh", ".", "-c", Script, order, "third").WaitFor(second);
        await using (var application = builder.Build())
        {
            await application.StartAsync(Token);
            foreach (var name in (string[])["first", "second", "third"])
                await Applications.WaitForLine(application, name, "ready");
        }

        Assert.Equal(["third", "second", "first"], await File.ReadAllLinesAsync(order, Token));
    }

    [Fact]
    public async Task What_ignores_the_request_to_stop_is_killed()
    {
        var builder = Applications.CreateBuilder();
        builder.AddExecutable("stubborn", "sh", ".", "-c", "trap '' TERM; echo pid $$; while :; do sleep 0.05; done");
        var application = builder.Build();
        await application.StartAsync(Token);
        await Applications.WaitForLine(application, "stubborn", "pid ");
        var since = TimeProvider.System.GetTimestamp();

        await application.DisposeAsync();

        Assert.InRange(TimeProvider.System.GetElapsedTime(since), TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(25));
    }

    /// <returns>The path of a program of this name that does that.</returns>
    private async Task<string> ScriptAsync(string name, string line)
    {
        var path = Path.Combine(folder, name);
        await File.WriteAllTextAsync(path, $"#!/bin/sh\n{line}\n", Token);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, (UnixFileMode)0b111_101_101);
        return path;
    }

    private Task<(int Status, string Output)> Run(params string[] args) => Run(_ => { }, args);

    private async Task<(int Status, string Output)> Run(Action<ProcessStartInfo> configure, params string[] args)
    {
        // The data folder lies where the user that PostgreSQL runs as may go, unlike a temporary folder.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, (UnixFileMode)0b111_101_101);
        var start = new ProcessStartInfo(
            "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "EventShop.AppHost.dll"), .. args, $"--Infrastructure:DataFolder={Path.Combine(folder, "data")}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        configure(start);
        using var process = Process.Start(start)!;
        var output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(Token), process.StandardError.ReadToEndAsync(Token));
        await process.WaitForExitAsync(Token);
        return (process.ExitCode, string.Concat(output));
    }
}
