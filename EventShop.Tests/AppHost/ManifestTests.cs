using System.Text.RegularExpressions;

namespace EventShop.Tests.AppHost;

/// <summary>What azd is told of the shop, by the AppHost as azd runs it.</summary>
public sealed partial class ManifestTests : IDisposable
{
    private readonly string _folder = DataFolders.New();

    public void Dispose() => DataFolders.Delete(_folder);

    /// <summary>
    /// manifest.json is made by `aspire do publish-manifest`. Databases are secret parameters, NATS is a container without a volume, order-service
    /// alone is external, and nothing is of this machine.
    /// </summary>
    [Fact]
    public async Task The_manifest_is_the_one_that_was_looked_at()
    {
        var golden = await File.ReadAllTextAsync(Repository.File("EventShop.Tests/AppHost/manifest.json"), TestContext.Current.CancellationToken);

        Assert.Equal(golden.Trim(), await PublishAsync("--publisher", "manifest"));
        Assert.Equal(golden.Trim(), await PublishAsync("--operation", "publish", "--step", "publish-manifest"));
    }

    [Fact]
    public async Task An_external_NATS_is_a_secret_parameter_and_no_container()
    {
        var manifest = await PublishAsync("--publisher", "manifest", "--Infrastructure:Nats=External");

        Assert.DoesNotContain("container.v0", manifest, StringComparison.Ordinal);
        Assert.Contains("\"nats\": {\n      \"type\": \"parameter.v0\"", manifest, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("publish")]
    [InlineData("deploy")]
    public async Task What_would_write_nothing_and_deploy_nothing_fails_with_one_line_that_names_what_does(string step)
    {
        var (exitCode, output) = await AppHostProcess.RunToEndAsync(_folder, "--operation", "publish", "--step", step, "--output-path", Path.Combine(_folder, "out"));

        Assert.Equal(1, exitCode);
        Assert.DoesNotContain('\n', output);
        Assert.Contains("`azd up`", output, StringComparison.Ordinal);
        Assert.Contains("`deploy/up.sh`", output, StringComparison.Ordinal);
    }

    private async Task<string> PublishAsync(params string[] arguments)
    {
        var file = Path.Combine(Path.GetDirectoryName(_folder)!, "manifest.json");
        var (exitCode, output) = await AppHostProcess.RunToEndAsync(_folder, [.. arguments, "--output-path", file]);
        Assert.True(exitCode == 0, output);
        // Paths are relative to the manifest, which lies in a temporary folder here.
        return Path_().Replace(await File.ReadAllTextAsync(file), "\"path\": \"").ReplaceLineEndings("\n").Trim();
    }

    [GeneratedRegex("\"path\": \".*(?=services/)")]
    private static partial Regex Path_();
}
