using System.Diagnostics;
using Aspire.Hosting;
using EventShop.Tests.Servers;

namespace EventShop.Tests.AspireHosting;

/// <summary>What an AppHost that is killed leaves behind: nothing.</summary>
public sealed class KilledHostTests
{
    private const string PidFile = "EVENTSHOP_TEST_PIDS";

    [Fact]
    public async Task Kill_minus_nine_of_the_host_ends_its_resources()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        var folder = Directory.CreateTempSubdirectory("eventshop-").FullName;
        var pids = Path.Combine(folder, "pids");
        try
        {
            using var host = StartHost(pids);
            await Eventually.True("both resources run", async () => (await Read(pids)).Length == 2, TimeSpan.FromSeconds(60));
            Assert.All(await Read(pids), pid => Assert.True(Directory.Exists($"/proc/{pid}")));

            host.Kill();
            await host.WaitForExitAsync(TestContext.Current.CancellationToken);

            await Eventually.True(
                "both resources are gone", async () => (await Read(pids)).All(pid => !Directory.Exists($"/proc/{pid}")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The host to kill: this test, in a process of its own.</summary>
    [Fact(Explicit = true)]
    public async Task Host_two_resources_until_killed()
    {
        var pids = Environment.GetEnvironmentVariable(PidFile);
        Assert.SkipWhen(pids is null, "the process of the other test");
        var builder = Applications.CreateBuilder();
        var first = builder.AddExecutable("first", "sh", ".", "-c", "echo $$ >> \"$0\"; exec sleep 600", pids!);
        builder.AddExecutable("second", "sh", ".", "-c", "echo $$ >> \"$0\"; trap '' TERM; sleep 600 & wait; wait", pids!).WaitFor(first);
        await using var application = builder.Build();
        await application.StartAsync(TestContext.Current.CancellationToken);
        await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
    }

    private static Process StartHost(string pids)
    {
        var start = new ProcessStartInfo(
            "dotnet",
            [
                typeof(KilledHostTests).Assembly.Location, "-explicit", "only",
                "-method", $"{typeof(KilledHostTests).FullName}.{nameof(Host_two_resources_until_killed)}",
            ])
        {
            Environment = { [PidFile] = pids, [PostgresServer.NotNeeded] = "1", ["DOTNET_EnableDiagnostics"] = "0" },
            RedirectStandardOutput = true,
        };
        var host = Process.Start(start)!;
        host.BeginOutputReadLine();
        return host;
    }

    private static async Task<string[]> Read(string file) =>
        File.Exists(file) ? await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken) : [];
}
