using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using EventShop.Contracts;
using EventShop.Messaging;

namespace EventShop.Tests.Contracts;

/// <summary>
/// An event may gain members, never lose or retype one. The golden files hold each type as it was first published: never edit
/// one; a change they do not allow is a new type.
/// </summary>
public sealed class GoldenFileTests
{
    public static TheoryData<Type> Events => [.. typeof(OrderCreated).Assembly.GetTypes()
        .Where(t => t.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IEvent<>)))];

    [Theory]
    [MemberData(nameof(Events))]
    public void What_was_once_published_can_be_read_and_is_written_with_all_its_members(Type type) =>
        typeof(GoldenFileTests).GetMethod(nameof(Check), BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(type).Invoke(null, null);

    [Fact]
    public void Every_type_of_event_has_a_subject_of_its_own_below_its_stream() =>
        Assert.Equal(
            [
                "orders.cancellation_requested", "orders.cancelled", "orders.created", "orders.declined", "orders.paid",
                "payments.failed", "payments.refunded", "payments.succeeded",
            ],
            Events.Select(row => (string)row.Data.GetProperty("Subject")!.GetValue(null)!).Order(StringComparer.Ordinal));

    private static void Check<TEvent>() where TEvent : IEvent<TEvent>
    {
        using var golden = Assembly.GetExecutingAssembly().GetManifestResourceStream($"golden/{TEvent.Type}.json");
        Assert.True(golden is not null, $"{TEvent.Type} has no golden file: add Contracts/{TEvent.Type}.json as it is published first");
        var published = JsonNode.Parse(golden)!.AsObject();

        var read = JsonSerializer.Deserialize(published.ToJsonString(), TEvent.Json)!;
        var written = JsonSerializer.SerializeToNode(read, TEvent.Json)!.AsObject();

        foreach (var (member, value) in published)
            Assert.True(JsonNode.DeepEquals(value, written[member]), $"{TEvent.Type}: {member} was {value?.ToJsonString()}, is {written[member]?.ToJsonString() ?? "gone"}");
    }
}
