using System.Diagnostics.CodeAnalysis;
using Polly;

namespace Microsoft.Extensions.Http.Resilience;

/// <summary>Limits retries to some methods.</summary>
[Experimental("EXTEXP0001")]
public static class HttpRetryStrategyOptionsExtensions
{
    /// <summary>POST, PUT, PATCH, DELETE and CONNECT get one attempt.</summary>
    public static void DisableForUnsafeHttpMethods(this HttpRetryStrategyOptions options)
        => options.DisableFor(HttpMethod.Delete, HttpMethod.Post, HttpMethod.Put, HttpMethod.Connect, HttpMethod.Patch);

    /// <summary>Requests of these methods get one attempt.</summary>
    public static void DisableFor(this HttpRetryStrategyOptions options, params HttpMethod[] methods)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(methods);

        var shouldHandle = options.ShouldHandle;
        options.ShouldHandle = async args =>
        {
            if (!await shouldHandle(args).ConfigureAwait(args.Context.ContinueOnCapturedContext))
            {
                return false;
            }

            var request = args.Outcome.Result?.RequestMessage ?? ResilienceHandler.RequestOf(args.Context);
            return request is null || !methods.Contains(request.Method);
        };
    }
}
