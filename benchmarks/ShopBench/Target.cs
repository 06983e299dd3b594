using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace ShopBench;

/// <summary>What is measured: where orders are posted, what is posted, and which event says that one is paid.</summary>
/// <param name="Orders">The URL of <c>POST /orders</c>.</param>
/// <param name="Body">A good order, as JSON.</param>
/// <param name="Nats">The broker.</param>
/// <param name="PaidStream">The stream of <paramref name="PaidSubject"/>.</param>
/// <param name="PaidSubject">Its messages' bodies have the order's id as <c>orderId</c>.</param>
public sealed record Target(Uri Orders, string Body, string Nats, string PaidStream, string PaidSubject)
{
    /// <summary>The same, posted to another replica.</summary>
    public Target At(Uri service) => this with { Orders = new(service, Orders.AbsolutePath) };

    /// <summary>How many orders have been paid so far, by the broker's own count: asking costs one message.</summary>
    public Task<long> PaidAsync() => CountAsync(PaidStream, PaidSubject);

    /// <summary>How many messages of a subject its stream has; 0 when there is no such stream yet.</summary>
    public async Task<long> CountAsync(string stream, string subject)
    {
        await using var connection = new NatsConnection(new NatsOpts { Url = Nats });
        try
        {
            var info = await new NatsJSContext(connection).GetStreamAsync(stream, new StreamInfoRequest { SubjectsFilter = subject });
            return info.Info.State.Subjects?.TryGetValue(subject, out var count) is true ? count : 0;
        }
        catch (NatsJSApiException e) when (e.Error.Code == 404)
        {
            return 0;
        }
    }
}
