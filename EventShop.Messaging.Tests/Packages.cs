using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace EventShop.Messaging.Tests;

/// <summary>
/// The libraries and the template as an adopter gets them: packed once, under a version of this run's own, and used in a folder outside the
/// repository whose only source of <c>EventShop.*</c> they are.
/// </summary>
public sealed partial class Packages : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly string _folder = Directory.CreateTempSubdirectory("eventshop-packages-").FullName;
    private readonly CancellationTokenSource _ended = new();
    private readonly string _suffix = $"test.{TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds()}";

    private string _cache = "";

    /// <summary>Where the packages are.</summary>
    public string Feed => Path.Combine(_folder, "feed");

    /// <summary>Of all of them.</summary>
    public string Version { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        // Built apart from the repository's own output, which other tests run from.
        await SucceedAsync(
            Repository.Root, Repository.File(".ci/pack.sh"), Feed, $"-p:VersionSuffix={_suffix}", "--artifacts-path", Path.Combine(_folder, "build"));
        var template = Assert.Single(Directory.GetFiles(Feed, "EventShop.Templates.*.nupkg"));
        Version = Path.GetFileNameWithoutExtension(template)["EventShop.Templates.".Length..];

        // Everything else comes from the sources that this machine has, by name: the repository names none.
        var sources = NamedSource().Matches(await SucceedAsync(_folder, "dotnet", "nuget", "list", "source")).Select(match => match.Groups["name"].Value);
        await File.WriteAllTextAsync(Path.Combine(_folder, "nuget.config"), $"""
            <configuration>
              <packageSources><add key="packed" value="feed" /></packageSources>
              <packageSourceMapping>
                <packageSource key="packed"><package pattern="EventShop.*" /></packageSource>
                {string.Concat(sources.Select(name => $"""<packageSource key="{name}"><package pattern="*" /></packageSource>"""))}
              </packageSourceMapping>
            </configuration>
            """);
        await SucceedAsync(_folder, "dotnet", "new", "install", template);
        _cache = (await SucceedAsync(_folder, "dotnet", "nuget", "locals", "global-packages", "--list")).Split(": ", 2)[1].Trim();
    }

    public async ValueTask DisposeAsync()
    {
        // What a failed test left running would write into the folder that goes away.
        await _ended.CancelAsync();
        _ended.Dispose();
        foreach (var package in Directory.GetDirectories(_cache, "eventshop.*"))
        {
            if (Directory.Exists(Path.Combine(package, Version)))
                Directory.Delete(Path.Combine(package, Version), recursive: true);
            if (Directory.GetFileSystemEntries(package).Length == 0)
                Directory.Delete(package);
        }
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A service made from the template.</summary>
    /// <returns>The folder of its solution.</returns>
    public async Task<string> NewServiceAsync(string name)
    {
        await SucceedAsync(_folder, "dotnet", "new", "eventshop-service", "--name", name);
        return Path.Combine(_folder, name);
    }

    /// <summary>A program that is one file.</summary>
    /// <param name="name">Names its project.</param>
    /// <param name="program">Its text; the namespaces of our packages are imported.</param>
    /// <param name="packages">Those it uses: ours by name, others as <c>name/version</c>.</param>
    /// <returns>The folder of its build output.</returns>
    public async Task<string> BuildProgramAsync(string name, string program, params string[] packages)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        var references = packages.Select(package => package.Split('/')).Select(package => package is [var id, var version]
            ? $"""<PackageReference Include="{id}" Version="{version}" />"""
            : $"""<PackageReference Include="{package[0]}" Version="{Version}" /><Using Include="{package[0]}" />""");
        await File.WriteAllTextAsync(Path.Combine(folder, $"{name}.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk.Worker">
              <PropertyGroup>
                <TargetFramework>net{Environment.Version.Major}.{Environment.Version.Minor}</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
              </PropertyGroup>
              <ItemGroup>{string.Concat(references)}</ItemGroup>
            </Project>
            """);
        await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), program);
        var output = Path.Combine(folder, "out");
        await SucceedAsync(folder, "dotnet", "build", "--configuration", "Release", "--output", output, "--nologo", "--verbosity", "quiet");
        return output;
    }

    /// <summary>Runs a command to its end.</summary>
    /// <returns>Its exit code and what it wrote, both streams.</returns>
    public async Task<(int ExitCode, string Output)> RunAsync(string folder, string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        // Build servers would hold on to our end of the pipe.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        if (arguments is ["new", ..])
            start.Environment["DOTNET_CLI_HOME"] = Path.Combine(_folder, "home");

        var output = new StringBuilder();
        using var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.Start();
        using var end = _ended.Token.Register(() => process.Kill(entireProcessTree: true));
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{file} {string.Join(' ', arguments)} did not end within {Patience}:\n{output}");
        }
        lock (output)
            return (process.ExitCode, output.ToString());

        void Append(string? line)
        {
            lock (output)
                output.AppendLine(line);
        }
    }

    private async Task<string> SucceedAsync(string folder, string file, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(folder, file, arguments);
        return exitCode == 0 ? output : throw new InvalidOperationException($"{file} {string.Join(' ', arguments)} ended with {exitCode}:\n{output}");
    }

    /// <summary>One that is enabled, in the list of the CLI.</summary>
    [GeneratedRegex(@"^ *\d+\. +(?<name>.*\S) +\[Enabled\]", RegexOptions.Multiline)]
    private static partial Regex NamedSource();
}
