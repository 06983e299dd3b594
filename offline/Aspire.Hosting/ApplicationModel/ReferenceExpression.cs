using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A string with holes that are filled when the application runs: ports, passwords, connection strings.</summary>
public class ReferenceExpression : IExpressionValue, IValueWithReferences
{
    public static readonly ReferenceExpression Empty = new("", [], [], []);

    private readonly string[] manifestExpressions;
    private readonly string?[] stringFormats;

    internal ReferenceExpression(
        string format, IValueProvider[] valueProviders, string[] manifestExpressions, string?[] stringFormats)
    {
        Format = format;
        ValueProviders = valueProviders;
        this.manifestExpressions = manifestExpressions;
        this.stringFormats = stringFormats;
    }

    public string Format { get; }
    public IReadOnlyList<IValueProvider> ValueProviders { get; }
    public IReadOnlyList<string> ManifestExpressions => manifestExpressions;
    public IReadOnlyList<string?> StringFormats => stringFormats;
    public string ValueExpression => string.Format(CultureInfo.InvariantCulture, Format, manifestExpressions);

    IEnumerable<object> IValueWithReferences.References => ValueProviders;

    public static ReferenceExpression Create(in ExpressionInterpolatedStringHandler handler) => handler.GetExpression();

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken) =>
        GetValueAsync(new ValueProviderContext(), cancellationToken);

    public async ValueTask<string?> GetValueAsync(ValueProviderContext context, CancellationToken cancellationToken)
    {
        if (Format.Length == 0)
            return null;
        var values = new object?[ValueProviders.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var value = await ValueProviders[i].GetValueAsync(context, cancellationToken);
            values[i] = value is not null && stringFormats[i] is { } format ? ReferenceParts.Apply(value, format) : value;
        }
        return string.Format(CultureInfo.InvariantCulture, Format, values);
    }

    /// <summary>What the compiler builds from <c>$"nats://{endpoint}"</c>.</summary>
    [InterpolatedStringHandler]
    public ref struct ExpressionInterpolatedStringHandler
    {
        private readonly ReferenceParts parts;

        public ExpressionInterpolatedStringHandler(int literalLength, int formattedCount) => parts = new();

        public readonly void AppendLiteral(string value) => parts.Literal(value);

        public readonly void AppendFormatted(string? value) => parts.Text(value, null);

        public readonly void AppendFormatted(string? value, string? format = null) => parts.Text(value, format);

        public readonly void AppendFormatted<T>(T valueProvider) where T : IValueProvider, IManifestExpressionProvider =>
            parts.Value(valueProvider, valueProvider, null);

        public readonly void AppendFormatted<T>(T valueProvider, string? format = null)
            where T : IValueProvider, IManifestExpressionProvider => parts.Value(valueProvider, valueProvider, format);

        public readonly void AppendFormatted<T>(IResourceBuilder<T> valueProvider)
            where T : IResource, IValueProvider, IManifestExpressionProvider =>
            parts.Value(valueProvider.Resource, valueProvider.Resource, null);

        public readonly void AppendFormatted<T>(IResourceBuilder<T> valueProvider, string? format = null)
            where T : IResource, IValueProvider, IManifestExpressionProvider =>
            parts.Value(valueProvider.Resource, valueProvider.Resource, format);

        internal readonly ReferenceExpression GetExpression() => parts.Build();
    }
}

/// <summary>Builds a <see cref="ReferenceExpression"/> piece by piece.</summary>
public class ReferenceExpressionBuilder
{
    private readonly ReferenceParts parts = new();

    public bool IsEmpty => parts.IsEmpty;

    public void AppendLiteral(string value) => parts.Literal(value);

    public void AppendFormatted(string? value) => parts.Text(value, null);

    public void AppendFormatted<T>(T valueProvider) where T : IValueProvider, IManifestExpressionProvider =>
        parts.Value(valueProvider, valueProvider, null);

    public void AppendFormatted<T>(T valueProvider, string? format) where T : IValueProvider, IManifestExpressionProvider =>
        parts.Value(valueProvider, valueProvider, format);

    public void Append([InterpolatedStringHandlerArgument("")] in ReferenceExpressionBuilderInterpolatedStringHandler handler)
    {
        // The handler has appended to this builder while the compiler filled it.
    }

    public ReferenceExpression Build() => parts.Build();

    [InterpolatedStringHandler]
    public ref struct ReferenceExpressionBuilderInterpolatedStringHandler
    {
        private readonly ReferenceParts parts;

        public ReferenceExpressionBuilderInterpolatedStringHandler(
            int literalLength, int formattedCount, ReferenceExpressionBuilder builder) => parts = builder.parts;

        public readonly void AppendLiteral(string value) => parts.Literal(value);

        public readonly void AppendFormatted(string? value) => parts.Text(value, null);

        public readonly void AppendFormatted(string? value, string format) => parts.Text(value, format);

        public readonly void AppendFormatted<T>(T valueProvider) where T : IValueProvider, IManifestExpressionProvider =>
            parts.Value(valueProvider, valueProvider, null);

        public readonly void AppendFormatted<T>(T valueProvider, string? format)
            where T : IValueProvider, IManifestExpressionProvider => parts.Value(valueProvider, valueProvider, format);

        public readonly void AppendFormatted<T>(IResourceBuilder<T> valueProvider)
            where T : IResource, IValueProvider, IManifestExpressionProvider =>
            parts.Value(valueProvider.Resource, valueProvider.Resource, null);

        public readonly void AppendFormatted<T>(IResourceBuilder<T> valueProvider, string? format)
            where T : IResource, IValueProvider, IManifestExpressionProvider =>
            parts.Value(valueProvider.Resource, valueProvider.Resource, format);
    }
}

/// <summary>The pieces of an expression: literal text with braces escaped, numbered holes, and what fills them.</summary>
internal sealed class ReferenceParts
{
    private readonly StringBuilder text = new();
    private readonly List<IValueProvider> providers = [];
    private readonly List<string> expressions = [];
    private readonly List<string?> formats = [];

    public bool IsEmpty => text.Length == 0;

    public void Literal(string value) => text.Append(value.Replace("{", "{{").Replace("}", "}}"));

    public void Text(string? value, string? format)
    {
        if (value is not null)
            Literal(format is null ? value : Apply(value, format));
    }

    public void Value(IValueProvider provider, IManifestExpressionProvider manifest, string? format)
    {
        text.Append(CultureInfo.InvariantCulture, $"{{{providers.Count}}}");
        providers.Add(provider);
        expressions.Add(manifest.ValueExpression);
        formats.Add(format);
    }

    public ReferenceExpression Build() => new(text.ToString(), [.. providers], [.. expressions], [.. formats]);

    public static string Apply(string value, string format) => format.ToLowerInvariant() switch
    {
        "uri" => Uri.EscapeDataString(value),
        _ => throw new FormatException($"Unknown format '{format}': only 'uri' is known."),
    };
}
