namespace EventShop.AppHost;

internal enum InfrastructureMode
{
    /// <summary>NATS, PostgreSQL, Jaeger and Prometheus as containers.</summary>
    Containers,

    /// <summary>nats-server and postgres from this machine, for those who have no container engine.</summary>
    Local,
}

/// <summary>The configuration section "Infrastructure", checked before anything is added to the model.</summary>
/// <param name="Mode">Where NATS and PostgreSQL come from. Default: Containers.</param>
/// <param name="DataFolder">Where the data of this shop is kept. Default: .data in the repository.</param>
/// <param name="NatsServer">Local: the program.</param>
/// <param name="PostgresBin">Local: the folder of postgres and initdb.</param>
internal sealed record InfrastructureOptions(InfrastructureMode Mode, string DataFolder, string NatsServer, string PostgresBin)
{
    private const string Section = "Infrastructure";

    /// <exception cref="DistributedApplicationException">One line: the setting, its value and what is allowed; or what is missing.</exception>
    public static InfrastructureOptions Read(IDistributedApplicationBuilder builder)
    {
        var section = builder.Configuration.GetSection(Section);
        var text = section["Mode"] ?? nameof(InfrastructureMode.Containers);
        if (!Enum.GetNames<InfrastructureMode>().Contains(text, StringComparer.OrdinalIgnoreCase))
        {
            throw Wrong("Mode", text, string.Join(" or ", Enum.GetNames<InfrastructureMode>()));
        }

        var mode = Enum.Parse<InfrastructureMode>(text, ignoreCase: true);
        if (mode is InfrastructureMode.Containers)
        {
            return new(mode, AppHost.DataFolder.Default(builder.AppHostDirectory, section["DataFolder"]), "", "");
        }

        if (OperatingSystem.IsWindows())
        {
            throw Wrong("Mode", text, "Containers on Windows: local processes need Linux or macOS (WSL will do)");
        }

        var nats = LocalPrograms.FindNatsServer() ?? throw new DistributedApplicationException(LocalPrograms.NatsServerMissing);
        var postgres = LocalPrograms.FindPostgresBin() ?? throw new DistributedApplicationException(LocalPrograms.PostgresMissing);
        PostgresUser.Check();
        var folder = AppHost.DataFolder.Default(builder.AppHostDirectory, section["DataFolder"]);
        if (PostgresUser.CanReach(folder))
        {
            return new(mode, folder, nats, postgres);
        }

        return section["DataFolder"] is { Length: > 0 } configured
            ? throw Wrong("DataFolder", configured, $"a folder that the user '{PostgresUser.Name}' can enter")
            : new(mode, AppHost.DataFolder.OfTheMachine(builder.AppHostDirectory), nats, postgres);
    }

    private static DistributedApplicationException Wrong(string key, string value, string allowed) =>
        new($"{Section}:{key} is '{value}', allowed is {allowed}.");
}
