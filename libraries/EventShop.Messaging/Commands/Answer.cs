using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace EventShop.Messaging;

/// <summary>What a command tells on stdout: one JSON document, or text for people.</summary>
internal sealed class Answer(TextWriter output, bool isJson)
{
    public Task WriteAsync<T>(T document, JsonTypeInfo<T> type, Func<T, string> text) =>
        output.WriteLineAsync(isJson ? JsonSerializer.Serialize(document, type) : text(document).TrimEnd());

    /// <summary>Aligned columns under their heads; <c>none</c> when there is no row.</summary>
    public static string Table(string[] heads, IEnumerable<object?[]> rows)
    {
        string[][] lines = [heads, .. rows.Select(row => row.Select(Cell).ToArray())];
        if (lines.Length == 1)
            return "none\n";
        var widths = heads.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var line in lines)
            text.AppendLine(string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        return text.ToString();
    }

    /// <summary>A name and a value on each line; values that are missing are left out.</summary>
    public static string Facts(params (string Name, object? Value)[] facts)
    {
        var known = facts.Where(fact => fact.Value is not null).ToArray();
        var width = known.Max(fact => fact.Name.Length);
        return string.Concat(known.Select(fact => $"{fact.Name.PadRight(width)}  {Cell(fact.Value)}\n"));
    }

    public static string? Shortened(string? text, int length = 60) => text?.Length > length ? $"{text.AsSpan(0, length - 1)}…" : text;

    /// <summary>Strangers' texts go to a terminal, which obeys control characters.</summary>
    public static string Printable(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++)
            span[i] = char.IsControl(source[i]) && source[i] is not '\n' and not '\t' ? '\uFFFD' : source[i];
    });

    private static string Cell(object? value) => value switch
    {
        null => "-",
        DateTimeOffset time => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        _ => Printable(Convert.ToString(value, CultureInfo.InvariantCulture)!).ReplaceLineEndings(" "),
    };
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(IReadOnlyList<ConsumerReport>))]
[JsonSerializable(typeof(IReadOnlyList<DeadLetter>))]
[JsonSerializable(typeof(DeadLetterDetails))]
[JsonSerializable(typeof(RedriveResult))]
[JsonSerializable(typeof(IReadOnlyList<ParkedEvent>))]
[JsonSerializable(typeof(ParkedEventDetails))]
[JsonSerializable(typeof(ResentEvents))]
[JsonSerializable(typeof(Discarded))]
[JsonSerializable(typeof(SchemaText))]
[JsonSerializable(typeof(AppliedScripts))]
internal sealed partial class CommandJson : JsonSerializerContext;
