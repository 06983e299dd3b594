using System.Xml.Linq;

namespace EventShop.Tests;

/// <summary>Who may know whom: arrows point down the list in docs/adr/0017, and nothing is compiled in two projects.</summary>
public sealed class LayerTests
{
    private const string Abstractions = "EventShop.Messaging.Abstractions";
    private const string Hosting = "EventShop.Hosting";
    private const string Postgres = "EventShop.Postgres";
    private const string Messaging = "EventShop.Messaging";
    private const string AspNetCore = "EventShop.Messaging.AspNetCore";

    /// <summary>Each project's own references, and with those of its references all it may know.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        [Abstractions] = [],
        [Hosting] = [],
        [Postgres] = [Hosting],
        [Messaging] = [Abstractions, Postgres],
        [AspNetCore] = [Messaging],
        ["EventShop.Messaging.EntityFrameworkCore"] = [Messaging],
        ["EventShop.Messaging.Testing"] = [],
        ["EventShop.Contracts"] = [Abstractions],
        ["EventShop.ServiceDefaults"] = [Hosting],
        ["OrderService"] = ["EventShop.Contracts", AspNetCore, "EventShop.ServiceDefaults"],
        ["PaymentService"] = ["EventShop.Contracts", AspNetCore, "EventShop.ServiceDefaults"],
        ["PaymentGateway"] = ["EventShop.ServiceDefaults"],
        ["Shipping"] = [Messaging],
    };

    private static readonly Dictionary<string, XDocument> Projects = new[] { "libraries", "services", "samples", "EventShop.Contracts", "EventShop.ServiceDefaults" }
        .SelectMany(folder => Directory.GetFiles(Repository.File(folder), "*.csproj", SearchOption.AllDirectories))
        .ToDictionary(file => Path.GetFileNameWithoutExtension(file), XDocument.Load);

    public static TheoryData<string> Names => [.. Projects.Keys.Where(name => !name.EndsWith(".Tests", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_project_knows_only_those_below_it(string project) =>
        Assert.Equal(Allowed[project].Order(), Items(Projects[project], "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path)).Order());

    [Theory]
    [InlineData("PaymentGateway", "Npgsql", "NATS")]
    [InlineData("EventShop.ServiceDefaults", "Npgsql", "NATS")]
    [InlineData("EventShop.Contracts", "Npgsql", "NATS", "Microsoft.Extensions")]
    [InlineData(Postgres, "NATS")]
    [InlineData(Messaging, "Microsoft.AspNetCore")]
    public void A_project_carries_no_package_that_is_none_of_its_business(string project, params string[] packages)
    {
        var carried = WithReferences(project).SelectMany(name => Items(Projects[name], "PackageReference").Concat(Items(Projects[name], "FrameworkReference")));

        Assert.DoesNotContain(carried, name => packages.Any(package => name.StartsWith(package, StringComparison.Ordinal)));
    }

    [Fact]
    public void No_source_file_is_compiled_in_two_projects() => Assert.DoesNotContain(
        Directory.GetFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories).Where(file => !file.Contains("/artifacts/", StringComparison.Ordinal)),
        file => Items(XDocument.Load(file), "Compile").Any(path => path.Contains("..", StringComparison.Ordinal)));

    private static IEnumerable<string> WithReferences(string project) =>
        Items(Projects[project], "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path)).SelectMany(WithReferences).Append(project);

    private static IEnumerable<string> Items(XDocument project, string name) => project.Descendants(name).Select(item => item.Attribute("Include")?.Value).OfType<string>();
}
