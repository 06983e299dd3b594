using System.Text;

namespace OpenTelemetry.Exporter.Prometheus;

/// <summary>OpenTelemetry's rules for names in Prometheus: http.server.request.duration (s) → http_server_request_duration_seconds.</summary>
internal static class PrometheusName
{
    public static string Of(string metric, string? unit, bool isCounter)
    {
        var name = Sanitize(metric, allowColon: true);
        var suffix = string.IsNullOrEmpty(unit) ? "" : UnitName(unit);
        if (suffix.Length > 0 && !name.EndsWith(suffix, StringComparison.Ordinal)
            && !(isCounter && name.EndsWith($"{suffix}_total", StringComparison.Ordinal)))
        {
            name = $"{name}_{suffix}";
        }

        return isCounter && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    public static string OfLabel(string key) => key.Length == 0 ? "_" : Sanitize(key, allowColon: false);

    // Runs of anything but letters and digits become one underscore; a leading digit is replaced or preceded by one.
    private static string Sanitize(string value, bool allowColon)
    {
        var text = new StringBuilder(value.Length + 1);
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            if (i == 0 && char.IsAsciiDigit(c))
            {
                text.Append('_');
                if (!allowColon)
                {
                    text.Append(c);
                }
            }
            else if (char.IsAsciiLetterOrDigit(c) || (allowColon && c == ':'))
            {
                text.Append(c);
            }
            else if (text.Length == 0 || text[^1] != '_')
            {
                text.Append('_');
            }
        }

        return text.ToString();
    }

    private static string UnitName(string unit)
    {
        var plain = WithoutAnnotations(unit);
        var per = plain.IndexOf('/');
        var words = per >= 0 && per < plain.Length - 1
            ? $"{Plural(plain[..per])}_per_{Singular(plain[(per + 1)..])}"
            : Plural(plain);
        return Sanitize(words, allowColon: true).Trim('_');
    }

    // "{order}" says what is counted and is not a unit.
    private static string WithoutAnnotations(string unit)
    {
        for (var open = unit.IndexOf('{'); open >= 0; open = unit.IndexOf('{'))
        {
            var close = unit.IndexOf('}', open);
            if (close < 0)
            {
                break;
            }

            unit = unit.Remove(open, close - open + 1);
        }

        return unit;
    }

    private static string Plural(string unit) => unit switch
    {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" or "B" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" or "KB" => "kilobytes",
        "MBy" or "MB" => "megabytes",
        "GBy" or "GB" => "gigabytes",
        "TBy" or "TB" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        "$" => "dollars",
        "1" => "",
        _ => unit,
    };

    private static string Singular(string unit) => unit switch
    {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        _ => unit,
    };
}
