using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ShopBench;

/// <summary>The figures as they come, as a table on stdout and as JSON in a file.</summary>
internal sealed class Report
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly JsonObject _json = [];
    private readonly Dictionary<string, double> _figures = [];

    /// <summary>Adds what is not a figure.</summary>
    public void AddText(string name, JsonNode value) => _json[name] = value;

    /// <summary>Adds a figure, nested as its path says, and prints it.</summary>
    public void Add(double value, string unit, params string[] path)
    {
        var figure = Math.Round(value, Math.Abs(value) < 100 ? 2 : 0);
        var parent = _json;
        foreach (var name in path[..^1])
            parent = (JsonObject)(parent[name] ??= new JsonObject());
        parent[path[^1]] = figure;
        _figures[string.Join('.', path)] = value;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {string.Join('.', path),-34} {figure,12:#,0.##} {unit}"));
    }

    /// <summary>Prints each goal with what came of it.</summary>
    public void PrintGoals()
    {
        Console.WriteLine();
        Goal("intake at 256 connections ≥ 1.0 × the peer, not fsynced", "intake.c256", "peer.intake.c256", 1.0);
        Goal("intake at 256 connections ≥ 3.0 × the peer, fsynced", "intake.c256", "peer.fsynced.intake.c256", 3.0);
        Goal("paid orders while taking orders ≥ 1.0 × the peer, fsynced", "paid.together", "peer.fsynced.paid.together", 1.0);
        Limit("p99 from POST to Paid at 1,000/s ≤ 50 ms", "latencyMs.1000.p99", value => value <= 50);
        Limit("relay ≥ 20,000 events/s", "relay", value => value >= 20_000);
        Limit("growth of intake ≤ 1.15", "growth.intake", value => value <= 1.15);
        Limit("growth of paying ≤ 1.15", "growth.paid", value => value <= 1.15);
        Limit("telemetry at 10 % ≤ 1.10 × the CPU per order without", "telemetry.sampled.cost", value => value <= 1.10);
        foreach (var service in new[] { "order", "payment", "gateway" })
        {
            Limit($"{service} ≤ 200 MB", $"residentMB.{service}", value => value <= 200);
            Limit($"{service} idle < 1 % of a core", $"idle.cpu.{service}", value => value < 1);
            Limit($"{service} idle < 120 MB", $"idle.residentMB.{service}", value => value < 120);
        }
    }

    public void Save(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, _json.ToJsonString(Indented) + "\n");
    }

    private void Goal(string text, string ours, string theirs, double factor)
    {
        if (_figures.TryGetValue(ours, out var our) && _figures.TryGetValue(theirs, out var their))
            Print(our / their >= factor, text, string.Create(CultureInfo.InvariantCulture, $"{our / their:0.00} ×"));
    }

    private void Limit(string text, string figure, Func<double, bool> isMet)
    {
        if (_figures.TryGetValue(figure, out var value))
            Print(isMet(value), text, string.Create(CultureInfo.InvariantCulture, $"{value:#,0.##}"));
    }

    private static void Print(bool isMet, string text, string value) => Console.WriteLine($"  {(isMet ? "met    " : "NOT MET")}  {text}: {value}");
}
