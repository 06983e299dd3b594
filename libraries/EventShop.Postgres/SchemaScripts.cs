using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using EventShop.Hosting;

namespace EventShop.Postgres;

/// <summary>A script that brings a schema one step further. Once applied anywhere, it must never change: add another.</summary>
/// <param name="Name">Unique in the database, for example <c>OrderService/001_orders.sql</c>.</param>
/// <param name="Sql">Its statements.</param>
public sealed record SchemaScript(string Name, string Sql)
{
    /// <summary>Of its statements, without regard to how lines end.</summary>
    public string Checksum { get; } =
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql.ReplaceLineEndings("\n"))).AsSpan(0, 16));
}

/// <summary>The scripts of one library or service, in their order.</summary>
public sealed record SchemaScripts(IReadOnlyList<SchemaScript> All)
{
    private const string Folder = "schema/";

    /// <summary>Scripts embedded as <c>schema/001_….sql</c>, in order of their names.</summary>
    /// <exception cref="StartupException">One is embedded under another name, and would be left out.</exception>
    public static SchemaScripts EmbeddedIn(Assembly assembly)
    {
        var resources = assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.OrdinalIgnoreCase)).ToArray();
        if (resources.FirstOrDefault(name => !name.StartsWith(Folder, StringComparison.Ordinal)) is { } elsewhere)
            throw new StartupException(
                $"{assembly.GetName().Name} embeds {elsewhere}, which is no schema script: embed it with LogicalName=\"{Folder}%(Filename)%(Extension)\", or not as .sql");
        return new([.. resources.Order(StringComparer.Ordinal).Select(name => new SchemaScript($"{assembly.GetName().Name}/{name[Folder.Length..]}", Text(assembly, name)))]);
    }

    private static string Text(Assembly assembly, string resource)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}
