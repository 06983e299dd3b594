using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace Aspire.Hosting.Dashboard;

/// <summary>
/// Markup written as an interpolated string: <c>Html row = $"&lt;td&gt;{name}&lt;/td&gt;"</c>. The literal parts are markup; every
/// hole is text, and escaped, unless it is markup itself. Forgetting to escape is not possible.
/// </summary>
[InterpolatedStringHandler]
internal sealed class Html(int literalLength, int formattedCount)
{
    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);
    private readonly StringBuilder text = new(literalLength + (formattedCount * 16));

    public static Html Nothing { get; } = new(0, 0);

    public void AppendLiteral(string markup) => text.Append(markup);

    public void AppendFormatted(string? value)
    {
        if (value is not null)
            text.Append(Encoder.Encode(value));
    }

    public void AppendFormatted(long value) => text.Append(value);

    public void AppendFormatted(Html markup) => text.Append(markup.text);

    public void AppendFormatted(IEnumerable<Html> markup)
    {
        foreach (var part in markup)
            text.Append(part.text);
    }

    public override string ToString() => text.ToString();
}
