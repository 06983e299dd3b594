using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Aspire.Hosting.Dashboard;

/// <summary>The recent traces as a list, and one as a waterfall.</summary>
internal sealed class TracePages(TraceStore store, Layout layout)
{
    private const int MostListed = 100;
    private const int MostIndented = 12;

    /// <param name="query">What an id, a name, a service or an attribute of one of its spans must contain; everything if empty.</param>
    /// <param name="errorsOnly">Whether only traces with a failed span are wanted.</param>
    public Page List(string query, bool errorsOnly)
    {
        var found = store.All().Where(t => (!errorsOnly || t.HasError) && Matches(t, query.Trim())).ToArray();
        return layout.Page("Traces", "Traces", $"""
            <h1>Traces</h1>
            <form action="/traces" role="search">
            <label for="q">Contains</label> <input id="q" name="q" type="search" value="{query}" placeholder="trace id, order id, name, service …">
            <label><input name="errors" type="checkbox" {(errorsOnly ? "checked" : "")}> errors only</label> <button>Find</button>
            </form>
            <p class="muted">{Summary(found.Length)}</p>
            <table>
            <thead><tr><th scope="col">Trace</th><th scope="col">Services</th><th scope="col" class="number">Spans</th><th scope="col">Started</th><th scope="col" class="number">Duration</th></tr></thead>
            <tbody>
            {found.Take(MostListed).Select(Row)}
            </tbody>
            </table>
            """);
    }

    public Page Waterfall(string id)
    {
        if (store.Find(id.ToLowerInvariant()) is not { } trace)
            return layout.Page("Trace not held", "Traces", $"""
                <h1>This trace is not held</h1>
                <p>Its spans have not arrived yet (this page looks again by itself), it was not sampled, or it was among the oldest and is forgotten.</p>
                <p><code>{id}</code></p>
                """, StatusCodes.Status404NotFound);
        var linkedFrom = store.All().Where(t => t.Id != trace.Id && t.Spans.Any(s => s.Links.Any(l => l.TraceId == trace.Id))).ToArray();
        return layout.Page(trace.Name, "Traces", $"""
            <h1>{trace.Name}</h1>
            <p>Trace <code>{trace.Id}</code> · {layout.Time(trace.Start)} · {Layout.Duration(trace.Duration)} · {trace.Spans.Count} spans{ErrorMark(trace)}</p>
            {(trace.Dropped > 0 ? Dropped(trace.Dropped) : Html.Nothing)}
            {(linkedFrom.Length > 0 ? LinkedFrom(linkedFrom) : Html.Nothing)}
            <div class="waterfall">
            <div class="row ruler" aria-hidden="true"><span>Span</span><span class="ticks">{Ticks(trace.Duration)}</span><span class="number">Duration</span></div>
            {trace.InOrder().Select(s => Row(trace, s.Span, s.Depth))}
            </div>
            """);
    }

    private static bool Matches(Trace trace, string query)
    {
        return query.Length == 0 || Has(trace.Id) || trace.Spans.Any(
            s => Has(s.Name) || Has(s.Service) || Has(s.Id) || Has(s.StatusMessage) || s.Attributes.Any(a => Has(a.Key) || Has(a.Value)));

        bool Has(string text) => text.Contains(query, StringComparison.OrdinalIgnoreCase);
    }

    private string Summary(int count) => (layout.TracesGoTo, count) switch
    {
        ({ } elsewhere, 0) => $"The services send their traces to {elsewhere}, as OTEL_EXPORTER_OTLP_ENDPOINT of the AppHost says.",
        (_, 0) => "None. Traces show here about a second after they end.",
        (_, > MostListed) => $"The newest {MostListed} of {count}.",
        _ => $"{count}, the newest first.",
    };

    private static Html ErrorMark(Trace trace) => trace.Spans.Count(s => s.IsError) is > 0 and var errors
        ? $""" · <strong class="error">{errors} failed</strong>"""
        : Html.Nothing;

    private static Html Dropped(int count) => $"""<p class="error">{count} more spans are not held: the trace is too large.</p>""";

    private static Html LinkedFrom(IEnumerable<Trace> traces) =>
        $"""<p>Linked from {traces.Select(t => (Html)$"""<a href="/traces/{t.Id}">{t.Name}</a> """)}</p>""";

    private Html Row(Trace trace) => $"""
        <tr><th scope="row"><a href="/traces/{trace.Id}">{trace.Name}</a>{ErrorMark(trace)}<br><small class="muted">{trace.Id}</small></th><td>{trace.Spans.Select(s => s.Service).Distinct().Select(layout.Service)}</td><td class="number">{trace.Spans.Count}</td><td>{layout.Time(trace.Start)}</td><td class="number">{Layout.Duration(trace.Duration)}</td></tr>

        """;

    private Html Row(Trace trace, Span span, int depth) => $"""
        <details id="s{span.Id}">
        <summary class="row {(span.IsError ? "failed" : "")}">
        <span class="name d{Math.Min(depth, MostIndented)}">{layout.Service(span.Service)} {span.Name}{(span.IsError ? Failed : Html.Nothing)}{(span.Links.Count > 0 ? Linked : Html.Nothing)}</span>
        <svg class="bar {layout.ColourOf(span.Service)}" aria-hidden="true"><rect x="{Percent(span.Start - trace.Start, trace)}" width="{Percent(span.Duration, trace)}" height="100%"/></svg>
        <span class="number">{Layout.Duration(span.Duration)}</span>
        </summary>
        {Details(trace, span)}
        </details>

        """;

    private static Html Failed => $""" <strong class="error">failed</strong>""";

    private static Html Linked => $""" <span class="muted">linked</span>""";

    private Html Details(Trace trace, Span span) => $"""
        <dl>
        {Entry("kind", span.Kind.ToString().ToLowerInvariant())}{Entry("starts", $"+{Layout.Duration(span.Start - trace.Start)}")}{Entry("source", span.Scope)}{Entry("span", span.Id)}{(span.ParentId is { } parent ? Entry("parent", trace.Spans.Any(s => s.Id == parent) ? parent : $"{parent} (not held)") : Html.Nothing)}
        {(span.StatusMessage.Length > 0 ? Entry(span.IsError ? "error" : "status", span.StatusMessage) : Html.Nothing)}{span.Attributes.Select(a => Entry(a.Key, a.Value))}
        {span.Links.Select(Link)}
        {span.Events.Select(e => Entry($"+{Layout.Duration(e.Time - trace.Start)} {e.Name}", string.Join('\n', e.Attributes.Select(a => $"{a.Key}: {a.Value}"))))}
        </dl>
        """;

    private Html Link(SpanLink link) => store.Find(link.TraceId) is { } other
        ? $"""<dt>link</dt><dd><a href="/traces/{link.TraceId}#s{link.SpanId}">{other.Name}, {link.TraceId}</a></dd>"""
        : Entry("link", $"{link.TraceId} (not held)");

    private static Html Entry(string name, string value) => $"<dt>{name}</dt><dd>{value}</dd>";

    private static IEnumerable<Html> Ticks(long duration) =>
        Enumerable.Range(0, 4).Select(quarter => (Html)$"<span>{Layout.Duration(duration / 4 * quarter)}</span>");

    private static string Percent(long part, Trace whole) =>
        $"{(100.0 * part / Math.Max(1, whole.Duration)).ToString("0.###", CultureInfo.InvariantCulture)}%";
}
