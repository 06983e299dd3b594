namespace OpenTelemetry.Trace;

/// <summary>Traces of outgoing HTTP requests.</summary>
public static class HttpClientInstrumentationTracerProviderBuilderExtensions
{
    /// <summary>
    /// Client spans. From .NET 9 on the runtime itself writes the semantic-convention attributes, the span's name, its
    /// status and error.type; only its source has to be listened to.
    /// </summary>
    public static TracerProviderBuilder AddHttpClientInstrumentation(this TracerProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddSource("System.Net.Http");
    }
}
