using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EventShop.Messaging.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Tests.Chaos;

/// <summary>The streams hold what they should not: copies, old news, garbage, and news from the future.</summary>
[Trait("Category", "Chaos")]
public sealed class MessageTests(SharedPostgres postgres)
{
    [Fact]
    public async Task Every_event_delivered_again_in_any_order_changes_nothing()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);

        for (var round = 0; round < 2; round++)
        {
            await shop.Load.MoreAsync(60);
            foreach (var stream in new[] { "PAYMENTS", "ORDERS" })
            {
                var messages = (await shop.Broker.ReadAsync(stream)).ToArray();
                shop.Random.Shuffle(messages);
                foreach (var message in messages)
                    await PublishAsync(shop, message.Subject, message.Data!, Copy(message.Headers!));
            }
        }

        shop.Healed();
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task Poison_goes_to_the_dead_letters_and_holds_nobody_up()
    {
        await using var shop = await ChaosShop.StartAsync(postgres, nats: await NatsServer.StartAsync("max_payload: 12MB"));
        await shop.Load.MoreAsync(30);
        var original = (await shop.Broker.ReadAsync("ORDERS")).First(m => m.Subject == "orders.created");
        var poisoned = new HashSet<string>();

        await PoisonAsync("this is no JSON"u8.ToArray());
        await PoisonAsync("null"u8.ToArray());
        await PoisonAsync(Without(original.Data!, "orderId"));
        await PoisonAsync(new byte[10 * 1024 * 1024]);
        await PoisonAsync(original.Data!, headers => headers["ce-type"] = "eventshop.orders.created.v2");
        await PoisonAsync(original.Data!, headers => headers["ce-time"] = "yesterday");
        // A message that is no CloudEvent at all has no id to be known by.
        await PublishAsync(shop, original.Subject, original.Data!, []);
        shop.Healed();
        await shop.Load.MoreAsync(30);

        await shop.AssertNothingLostAndNothingTwiceAsync(new Expected(Poisoned: poisoned, PoisonedWithoutId: 1));

        async Task PoisonAsync(byte[] body, Action<NatsHeaders>? change = null)
        {
            var headers = Copy(original.Headers!);
            headers["ce-id"] = Guid.CreateVersion7().ToString();
            poisoned.Add(headers["ce-id"].ToString());
            change?.Invoke(headers);
            await PublishAsync(shop, original.Subject, body, headers);
        }
    }

    [Fact]
    public async Task An_event_of_a_later_version_with_more_members_is_understood()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);
        await shop.Load.MoreAsync(10);
        await Eventually.True("orders are settled", async () =>
            await shop.Shop.OrdersAsync("select count(*) from orders where status = 'Paid'") > 0);

        // The payment service of next year, announcing a payment this one has no record of.
        await shop.ReplacePaymentServiceAsync(process => process.Terminate());
        foreach (var message in await shop.Broker.ReadAsync("ORDERS"))
        {
            var richer = JsonNode.Parse(message.Data!)!.AsObject();
            richer["loyaltyPoints"] = 12;
            richer["gift"] = new JsonObject { ["wrapped"] = true, ["card"] = "Happy birthday" };
            var headers = Copy(message.Headers!);
            headers["ce-dataschema"] = "v1.7";
            await PublishAsync(shop, message.Subject, Encoding.UTF8.GetBytes(richer.ToJsonString()), headers);
        }

        shop.Healed();
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    private static byte[] Without(byte[] json, string member)
    {
        var body = JsonNode.Parse(json)!.AsObject();
        Assert.True(body.Remove(member));
        return JsonSerializer.SerializeToUtf8Bytes(body);
    }

    /// <summary>The headers without the id the broker would recognise.</summary>
    private static NatsHeaders Copy(NatsHeaders original)
    {
        var headers = new NatsHeaders();
        foreach (var (name, value) in original)
            if (name != "Nats-Msg-Id")
                headers[name] = value;
        return headers;
    }

    private static async Task PublishAsync(ChaosShop shop, string subject, byte[] body, NatsHeaders headers)
    {
        var ack = await shop.Broker.JetStream.PublishAsync(subject, body, headers: headers);
        ack.EnsureSuccess();
    }
}
