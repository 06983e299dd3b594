using EventShop.Hosting;
using Microsoft.AspNetCore.Http;

namespace Microsoft.Extensions.Hosting;

/// <summary>
/// How a container asks after its own health when its image has neither a shell nor curl: <c>dotnet OrderService.dll health</c>.
/// </summary>
internal sealed class HealthCommand : IServiceCommand
{
    public const string Word = "health";
    private const string Arguments = "[path], to ask the service that runs on this machine, at /health unless another path is given";

    private const int DefaultPort = 8080;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    public string Name => Word;

    public string Usage => Arguments;

    public Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, CancellationToken cancellationToken) => RunAsync([.. arguments]);

    /// <returns>0 when it answered that all is well, else 1; what it answered goes to stderr.</returns>
    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is not ([] or [['/', ..]]))
        {
            throw new StartupException($"'{string.Join(' ', arguments)}' is no path: {Word} {Arguments}");
        }

        var url = $"http://127.0.0.1:{Port()}{arguments.FirstOrDefault("/health")}";
        using var client = new HttpClient { Timeout = Patience };
        try
        {
            using var response = await client.GetAsync(url);
            if (response.IsSuccessStatusCode)
            {
                return 0;
            }

            await Console.Error.WriteLineAsync($"{url}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            await Console.Error.WriteLineAsync($"{url}: {e.Message}");
        }

        return 1;
    }

    /// <summary>Where the service listens: it has the same environment.</summary>
    private static int Port()
    {
        var url = Environment.GetEnvironmentVariable("ASPNETCORE_URLS")?.Split(';').FirstOrDefault(u => u.StartsWith("http:", StringComparison.OrdinalIgnoreCase));
        if (url is not null)
        {
            return BindingAddress.Parse(url).Port;
        }

        var ports = Environment.GetEnvironmentVariable("ASPNETCORE_HTTP_PORTS")?.Split(';');
        return int.TryParse(ports?.FirstOrDefault(), out var port) ? port : DefaultPort;
    }
}
