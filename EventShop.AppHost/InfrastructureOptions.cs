using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace EventShop.AppHost;

internal enum InfrastructureMode
{
    /// <summary>NATS, PostgreSQL, Jaeger and Prometheus as containers.</summary>
    Containers,

    /// <summary>nats-server and postgres from this machine, for those who have no container engine.</summary>
    Local,
}

/// <summary>The configuration section "Infrastructure", checked before anything is added to the model.</summary>
/// <param name="Mode">Where NATS and PostgreSQL come from.</param>
/// <param name="DataFolder">Local: where their data is kept.</param>
/// <param name="NatsServer">Local: the program.</param>
/// <param name="PostgresBin">Local: the folder of postgres and initdb.</param>
/// <param name="NatsPort">Local: any free port if null; likewise the next two.</param>
internal sealed record InfrastructureOptions(
    InfrastructureMode Mode, string DataFolder, string NatsServer, string PostgresBin, int? NatsPort, int? NatsMonitorPort,
    int? PostgresPort)
{
    private const string Section = "Infrastructure";

    /// <param name="builder">The AppHost's configuration; publishing is always for containers.</param>
    /// <param name="options">What it says.</param>
    /// <param name="problem">One line: the key, its value, and what is allowed; or what is missing on this machine.</param>
    public static bool TryRead(
        IDistributedApplicationBuilder builder, [NotNullWhen(true)] out InfrastructureOptions? options,
        [NotNullWhen(false)] out string? problem)
    {
        options = new InfrastructureOptions(InfrastructureMode.Containers, "", "", "", null, null, null);
        problem = null;
        if (builder.ExecutionContext.IsPublishMode)
            return true;
        var section = builder.Configuration.GetSection(Section);
        var mode = section["Mode"] ?? nameof(InfrastructureMode.Containers);
        if (!Enum.GetNames<InfrastructureMode>().Contains(mode, StringComparer.OrdinalIgnoreCase))
            problem = Wrong("Mode", mode, string.Join(" or ", Enum.GetNames<InfrastructureMode>()));
        else if (Enum.Parse<InfrastructureMode>(mode, ignoreCase: true) is InfrastructureMode.Local)
            problem = ReadLocal(section, builder.AppHostDirectory, ref options);
        if (problem is not null)
            options = null;
        return problem is null;
    }

    private static string? ReadLocal(IConfiguration section, string appHostFolder, ref InfrastructureOptions options)
    {
        if (OperatingSystem.IsWindows())
            return Wrong("Mode", "Local", "Containers on Windows: local processes need Linux or macOS (WSL will do)");
        var ports = new int?[3];
        foreach (var (i, key) in new[] { "NatsPort", "NatsMonitorPort", "PostgresPort" }.Index())
        {
            if (section[key] is not { Length: > 0 } text)
                continue;
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535)
                return Wrong(key, text, "a port from 1 to 65535");
            ports[i] = port;
        }
        if (LocalPrograms.FindNatsServer() is not { } nats)
            return LocalPrograms.NatsServerMissing;
        if (LocalPrograms.FindPostgresBin() is not { } postgres)
            return LocalPrograms.PostgresMissing;
        if (PostgresUser.Problem() is { } user)
            return user;
        var folder = LocalData.ChooseFolder(section["DataFolder"], appHostFolder, out var folderProblem);
        options = new InfrastructureOptions(InfrastructureMode.Local, folder, nats, postgres, ports[0], ports[1], ports[2]);
        return folderProblem;
    }

    private static string Wrong(string key, string value, string allowed) =>
        $"{Section}:{key} is '{value}', allowed is {allowed}.";
}
