using System.Diagnostics;
using System.Globalization;
using EventShop.Messaging.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;

// Throughput of the NATS client against one nats-server of its own: 512-byte messages, file storage.
// Usage: NatsThroughput [messages per round] [rounds]. Prints every round, then the median and the best of each measure.
var messages = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 200_000;
var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
const int InFlight = 256;
var payload = new byte[512];

await using var server = await NatsServer.StartAsync();
await using var connection = new NatsConnection(new NatsOpts { Url = server.Url, SubPendingChannelCapacity = 16_384 });
var js = connection.CreateJetStreamContext();
var results = new Dictionary<string, List<double>>();

for (var round = 0; round < rounds; round++)
{
    await js.CreateStreamAsync(new StreamConfig("BENCH", ["bench.>"]));
    var consumed = await js.CreateOrUpdateConsumerAsync("BENCH", new ConsumerConfig("consume") { MaxAckPending = 20_000 });
    var fetched = await js.CreateOrUpdateConsumerAsync("BENCH", new ConsumerConfig("fetch") { MaxAckPending = 20_000 });
    await MeasureAsync($"publish, {InFlight} in flight", PublishAsync);
    await MeasureAsync("consume and ack", () => ConsumeAsync(consumed));
    await MeasureAsync("fetch(128) and ack", () => FetchAsync(fetched));
    await js.DeleteStreamAsync("BENCH");
}

foreach (var (measure, rates) in results)
{
    rates.Sort();
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{measure,-26} median {rates[rates.Count / 2],9:N0}/s   best {rates[^1],9:N0}/s   of {rounds} rounds"));
}

async Task MeasureAsync(string measure, Func<Task> work)
{
    var started = Stopwatch.GetTimestamp();
    await work();
    var rate = messages / Stopwatch.GetElapsedTime(started).TotalSeconds;
    if (!results.TryGetValue(measure, out var rates))
    {
        results[measure] = rates = [];
    }

    rates.Add(rate);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{measure,-26} {rate,9:N0}/s"));
}

async Task PublishAsync()
{
    var next = 0;
    await Task.WhenAll(Enumerable.Range(0, InFlight).Select(_ => Task.Run(async () =>
    {
        while (Interlocked.Increment(ref next) <= messages)
        {
            var ack = await js.PublishAsync("bench.orders", payload);
            ack.EnsureSuccess();
        }
    })));
}

async Task ConsumeAsync(INatsJSConsumer consumer)
{
    var seen = 0;
    await foreach (var msg in consumer.ConsumeAsync<byte[]>(opts: new NatsJSConsumeOpts { MaxMsgs = 2_000 }))
    {
        await msg.AckAsync();
        if (++seen == messages)
        {
            break;
        }
    }

    await ConfirmAsync(consumer);
}

async Task FetchAsync(INatsJSConsumer consumer)
{
    for (var seen = 0; seen < messages;)
    {
        // The last batch asks for no more than there is: it would wait for the rest.
        var opts = new NatsJSFetchOpts { MaxMsgs = Math.Min(128, messages - seen), Expires = TimeSpan.FromSeconds(5) };
        await foreach (var msg in consumer.FetchAsync<byte[]>(opts))
        {
            await msg.AckAsync();
            seen++;
        }
    }

    await ConfirmAsync(consumer);
}

// The time counts until the server has taken every acknowledgement.
static async Task ConfirmAsync(INatsJSConsumer consumer)
{
    do
    {
        await consumer.RefreshAsync();
    }
    while (consumer.Info.NumAckPending > 0);
}
