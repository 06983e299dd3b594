using System.Diagnostics;
using System.Text.RegularExpressions;

namespace EventShop.Tests.Offline;

/// <summary>The AppHost's own page in a real browser: headless Chromium.</summary>
public sealed class BrowserTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly string folder = Directory.CreateTempSubdirectory("eventshop-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_waterfall_is_drawn_and_refreshed_and_runs_no_script_of_a_span()
    {
        await using var app = await DashboardApplication.StartAsync();
        ActivityContext root = default;
        app.Export("order-service", source =>
        {
            using var server = source.StartActivity("POST /orders", ActivityKind.Server)!;
            root = server.Context;
            using var evil = source.StartActivity("<img src=x onerror=\"document.title='owned'\">")!;
            evil.SetStatus(ActivityStatusCode.Error, "<script>document.title='owned'</script>");
        });
        await app.Page($"/traces/{root.TraceId}", "POST /orders");
        var url = new Uri(app.Client.BaseAddress!, $"/traces/{root.TraceId}").ToString();
        var picture = Path.Combine(folder, "waterfall.png");

        var dom = await Chromium("--dump-dom", url);
        await Chromium($"--screenshot={picture}", url);

        Assert.Matches("<html[^>]* data-refreshes=\"[1-9]", dom);
        Assert.Contains("Updated ", dom, StringComparison.Ordinal);
        Assert.Equal(2, Regex.Count(dom, "<details id=\"s[0-9a-f]{16}\""));
        Assert.Equal(2, Regex.Count(dom, "<rect x=\"[0-9.]+%\" width=\"[0-9.]+%\""));
        Assert.Contains("<title>POST /orders", dom, StringComparison.Ordinal);
        // An empty page of this size has 5 kB.
        Assert.InRange(new FileInfo(picture).Length, 20_000, 5_000_000);
    }

    /// <summary>Loads the page, lets some seconds of its scripts pass, and returns what the browser printed.</summary>
    private async Task<string> Chromium(string output, string url)
    {
        // None of its own traffic: no machine of the tests' has the network for it.
        using var browser = Process.Start(new ProcessStartInfo(Find(),
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", $"--user-data-dir={Path.Combine(folder, "profile")}",
            "--window-size=1400,900", "--virtual-time-budget=5000", output, url,
        ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            var texts = await Task.WhenAll(
                browser.StandardOutput.ReadToEndAsync(patience.Token), browser.StandardError.ReadToEndAsync(patience.Token));
            await browser.WaitForExitAsync(patience.Token);
            Assert.True(browser.ExitCode == 0, texts[1]);
            return texts[0];
        }
        finally
        {
            if (!browser.HasExited)
                browser.Kill(entireProcessTree: true);
        }
    }

    private static string Find() => Environment.GetEnvironmentVariable("CHROMIUM") is { Length: > 0 } given
        ? given
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(_ => (string[])["chromium", "chromium-browser", "google-chrome"], Path.Combine).FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException(
                "No browser was found: install Chromium (Debian: apt-get install chromium), or set CHROMIUM to its path.");
}
