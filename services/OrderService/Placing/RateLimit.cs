using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using EventShop.Hosting;
using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.RateLimiting;

namespace OrderService;

/// <summary>Configuration section <c>RateLimit</c>: how much one client may change.</summary>
public sealed class RateLimitOptions : IValidatableObject
{
    /// <summary>
    /// Orders placed or cancelled per second by one client, on one replica; as many again may come at once after a pause. 0: no limit.
    /// The default stops a client that has run wild, and is above what one machine is able to place: set it to what yours may need.
    /// </summary>
    [Range(0, 10_000_000)]
    public int PerSecond { get; set; } = 100_000;

    /// <summary>
    /// Proxies whose <c>X-Forwarded-For</c> is believed: addresses and networks, separated by commas (<c>10.0.0.7, 10.1.0.0/16</c>).
    /// Empty: none, and the client is whoever is connected.
    /// </summary>
    public string TrustedProxies { get; set; } = "";

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        TrustedNetworks.Read(TrustedProxies).Errors.Select(error => new ValidationResult(error, [nameof(TrustedProxies)]));
}

/// <summary>Keeps one client from crowding out the others: beyond its limit it gets 429, and nothing is stored.</summary>
internal static class RateLimit
{
    /// <summary>The policy of endpoints that change something.</summary>
    public const string Writes = "writes";

    public const string Refusal = "This client places or cancels more orders per second than it may. Nothing was stored: slow down, and try again after Retry-After.";

    private const int RetryAfterSeconds = 1;

    public static void AddRateLimit(this IHostApplicationBuilder builder)
    {
        var options = builder.Configuration.GetValidated<RateLimitOptions>("RateLimit");
        builder.Services.AddSingleton(options);
        builder.Services.AddRateLimiter(limiter =>
        {
            limiter.AddPolicy(Writes, context => options.PerSecond == 0
                ? RateLimitPartition.GetNoLimiter(IPAddress.None)
                : RateLimitPartition.GetTokenBucketLimiter(Client(context), _ => Bucket(options.PerSecond)));
            limiter.OnRejected = (rejected, _) => RefuseAsync(rejected.HttpContext);
        });
    }

    /// <summary>Takes the client's address from those proxies that are trusted to know it. Call it before all other middleware.</summary>
    public static void UseTrustedProxies(this WebApplication app)
    {
        var proxies = TrustedNetworks.Read(app.Services.GetRequiredService<RateLimitOptions>().TrustedProxies).Networks.Networks;
        if (proxies.Count == 0)
            return;
        // Any number of trusted proxies in a row; loopback is not one of them unless it is named.
        var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor, ForwardLimit = null };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var proxy in proxies)
            forwarded.KnownIPNetworks.Add(proxy);
        app.UseForwardedHeaders(forwarded);
    }

    private static TokenBucketRateLimiterOptions Bucket(int perSecond) => new()
    {
        TokenLimit = perSecond,
        TokensPerPeriod = perSecond,
        ReplenishmentPeriod = TimeSpan.FromSeconds(1),
        QueueLimit = 0,
        // All buckets are filled by the one timer of the limiter they are part of.
        AutoReplenishment = false,
    };

    /// <summary>An IPv6 client has a whole /64 of addresses to choose from: it is one client.</summary>
    public static IPAddress Client(HttpContext context) => context.Connection.RemoteIpAddress switch
    {
        null => IPAddress.None,
        { IsIPv4MappedToIPv6: true } mapped => mapped.MapToIPv4(),
        { AddressFamily: AddressFamily.InterNetworkV6 } address => Network(address),
        var address => address,
    };

    private static IPAddress Network(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return new(bytes);
    }

    private static ValueTask RefuseAsync(HttpContext context)
    {
        context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        return new(context.WriteProblemAsync(new() { Status = StatusCodes.Status429TooManyRequests, Detail = Refusal }));
    }
}
