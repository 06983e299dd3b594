using System.Net.Http.Json;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.Json;
using System.Text.RegularExpressions;
using EventShop.Tests.Shop;

namespace EventShop.Tests;

/// <summary>The files that an order passes from its POST until it is paid: as seen by the runtime, and as the README lists them.</summary>
public sealed partial class HopsTests(SharedPostgres postgres)
{
    [Fact]
    public async Task The_README_lists_every_file_that_an_order_with_a_key_passes_and_none_that_is_never_called()
    {
        var (passed, called) = await PassedAsync();

        var readme = await File.ReadAllTextAsync(Repository.File("README.md"), TestContext.Current.CancellationToken);
        var table = readme[readme.IndexOf("## Trace an order", StringComparison.Ordinal)..];
        var listed = TableFile().Matches(table).Select(match => match.Groups["file"].Value).ToHashSet();
        var (missing, never) = (passed.Except(listed).ToArray(), listed.Except(called).ToArray());
        Assert.True(missing.Length == 0, $"passed and not listed: {string.Join(" ", missing)}");
        Assert.True(never.Length == 0, $"listed and never called: {string.Join(" ", never)}");
    }

    /// <returns>
    /// The files of what is first called between the POST and the end of it all, and of all that is ever called: some of what an order passes, a start or a
    /// loop has called before.
    /// </returns>
    private async Task<(string[] Passed, string[] Called)> PassedAsync()
    {
        var folder = Directory.CreateTempSubdirectory("hops-");
        try
        {
            await using var nats = await NatsServer.StartAsync();
            await using var shop = await RunningShop.StartAsync(postgres, nats, new Dictionary<string, string?>
            {
                ["FIRST_CALLS"] = Path.Combine(folder.FullName, "calls"),
                ["Telemetry__SamplingRatio"] = "0",
            });
            var sources = Sources("services/OrderService").Concat(Sources("services/PaymentService")).DistinctBy(type => type.Key).ToDictionary();
            var before = await QuietAsync(folder, sources, TimeSpan.FromSeconds(11));

            using var request = new HttpRequestMessage(HttpMethod.Post, "/orders")
            {
                Content = JsonContent.Create(new { customerId = "c-42", items = new[] { new { sku = "SKU-1", quantity = 1 } }, paymentToken = "tok_ok" }),
                Headers = { { "Idempotency-Key", "hops" } },
            };
            using var answer = await shop.OrderService.Client.SendAsync(request);
            var order = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetGuid();
            var after = await QuietAsync(folder, sources, TimeSpan.FromSeconds(3));

            Assert.Equal("Paid", await shop.StatusAsync(order));
            return (Files(after.Except(before)), Files(after));

            string[] Files(IEnumerable<string> calls) => [.. calls.Select(call => sources[TypeOf(call)]).Distinct().Order(StringComparer.Ordinal)];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <returns>The product's methods that have been called, once no other has been called for so long.</returns>
    private static async Task<string[]> QuietAsync(DirectoryInfo folder, Dictionary<string, string> sources, TimeSpan time)
    {
        var (seen, since) = (Array.Empty<string>(), TimeProvider.System.GetTimestamp());
        await Eventually.True("nothing more is called for the first time", () =>
        {
            var now = folder.EnumerateFiles().SelectMany(ReadLines).Where(call => sources.ContainsKey(TypeOf(call))).ToArray();
            if (now.Length != seen.Length)
                (seen, since) = (now, TimeProvider.System.GetTimestamp());
            return TimeProvider.System.GetElapsedTime(since) > time;
        }, TimeSpan.FromMinutes(2));
        return [.. seen.Distinct()];
    }

    private static string[] ReadLines(FileInfo file)
    {
        using var stream = file.Open(FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The outermost type.</summary>
    private static string TypeOf(string call) => call.Split(' ')[0].Split('+', '[', '<')[0];

    /// <returns>For each outermost type of the product, the file with most of it.</returns>
    private static IEnumerable<KeyValuePair<string, string>> Sources(string project)
    {
        var output = Repository.File(Path.Combine(project, "bin", "Release", "net10.0"));
        foreach (var assembly in Directory.GetFiles(output, "*.dll").Where(dll => File.Exists(Path.ChangeExtension(dll, "pdb"))))
        {
            using var image = new PEReader(File.OpenRead(assembly));
            using var symbols = MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(Path.ChangeExtension(assembly, "pdb")));
            var (types, pdb) = (image.GetMetadataReader(), symbols.GetMetadataReader());
            foreach (var handle in types.MethodDefinitions)
            {
                var debug = pdb.GetMethodDebugInformation(handle);
                if (debug.Document.IsNil)
                    continue;
                var file = pdb.GetString(pdb.GetDocument(debug.Document).Name);
                if (!file.StartsWith(Repository.Root, StringComparison.Ordinal) || file.Contains("/obj/", StringComparison.Ordinal))
                    continue;
                var type = types.GetTypeDefinition(types.GetMethodDefinition(handle).GetDeclaringType());
                while (!type.GetDeclaringType().IsNil)
                    type = types.GetTypeDefinition(type.GetDeclaringType());
                var name = types.GetString(type.Namespace) is { Length: > 0 } space ? $"{space}.{types.GetString(type.Name)}" : types.GetString(type.Name);
                yield return new(name, Path.GetRelativePath(Repository.Root, file));
            }
        }
    }

    [GeneratedRegex(@"^\|[^|]*\|[^|`]*`(?<file>[A-Za-z./]+\.cs)`", RegexOptions.Multiline)]
    private static partial Regex TableFile();
}
