using System.Diagnostics;

const string Usage = """
    eventshop SERVICE VERB …

    SERVICE is the service's dll, or the folder of its project: then its newest build is taken.
    VERB is one of the service's own:
      status                                               all at one look
      consumers                                            how far each consumer is
      dead-letters list | show | redrive | discard         messages that were given up
      parked list | show | resend | discard                events that the broker refuses
      schema script | apply                                the tables
      setup                                                schema, streams and consumers
    Each takes --json, apart from setup.
    """;

if (args is [] or ["-h" or "--help" or "help"])
{
    Console.WriteLine(Usage);
    return args is [] ? 1 : 0;
}
if (args is [_])
    return Fail($"no verb is given for {args[0]}: status, consumers, dead-letters, parked, schema, setup");
if (FindService(args[0], out var trouble) is not { } dll)
    return Fail(trouble);

// Ctrl+C goes to both: the service ends in order, and its exit code is waited for.
Console.CancelKeyPress += (_, pressed) => pressed.Cancel = true;
var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [dll, .. args[1..]])
{
    WorkingDirectory = Path.GetDirectoryName(dll),
};
using var service = Process.Start(start)!;
await service.WaitForExitAsync();
return service.ExitCode;

static int Fail(string reason)
{
    Console.Error.WriteLine($"eventshop: {reason}");
    return 1;
}

static string? FindService(string given, out string trouble)
{
    trouble = $"{given} is neither a dll nor the folder of a project";
    var path = Path.GetFullPath(given);
    if (File.Exists(path) && Path.GetExtension(path) is ".dll")
        return path;
    if (!Directory.Exists(path) || Directory.GetFiles(path, "*.csproj") is not [var project])
        return null;
    var name = $"{Path.GetFileNameWithoutExtension(project)}.dll";
    trouble = $"{given} is not built: no bin/*/net*/{name}";
    return new DirectoryInfo(path).GetDirectories("bin").SelectMany(bin => bin.GetDirectories()).SelectMany(configuration => configuration.GetDirectories("net*"))
        .Select(framework => new FileInfo(Path.Combine(framework.FullName, name))).Where(file => file.Exists).MaxBy(file => file.LastWriteTimeUtc)?.FullName;
}
