using Polly;

namespace Microsoft.Extensions.Http.Resilience;

/// <summary>Sends requests through a pipeline, which may send them more than once.</summary>
public class ResilienceHandler : DelegatingHandler
{
    private static readonly ResiliencePropertyKey<HttpRequestMessage?> RequestKey = new("Resilience.Http.RequestMessage");

    private readonly Func<HttpRequestMessage, ResiliencePipeline<HttpResponseMessage>> pipelineProvider;

    /// <summary>Sends each request through the pipeline that is chosen for it.</summary>
    public ResilienceHandler(Func<HttpRequestMessage, ResiliencePipeline<HttpResponseMessage>> pipelineProvider)
    {
        ArgumentNullException.ThrowIfNull(pipelineProvider);
        this.pipelineProvider = pipelineProvider;
    }

    internal static HttpRequestMessage? RequestOf(ResilienceContext context)
        => context.Properties.GetValue(RequestKey, null);

    /// <inheritdoc />
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var context = ResilienceContextPool.Shared.Get(cancellationToken);
        context.Properties.Set(RequestKey, request);
        try
        {
            var outcome = await pipelineProvider(request).ExecuteOutcomeAsync(
                static async (context, state) =>
                {
                    try
                    {
                        return Outcome.FromResult(await state.Handler.SendOnce(state.Request, context.CancellationToken).ConfigureAwait(false));
                    }
                    catch (Exception exception)
                    {
                        // Strategies decide on outcomes; thrown exceptions would cost each of them a catch.
                        return Outcome.FromException<HttpResponseMessage>(exception);
                    }
                },
                context,
                (Handler: this, Request: request)).ConfigureAwait(false);
            outcome.ThrowIfException();
            return outcome.Result!;
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private Task<HttpResponseMessage> SendOnce(HttpRequestMessage request, CancellationToken cancellationToken)
        => base.SendAsync(request, cancellationToken);
}
