using System.Text.Json;
using System.Text.Json.Serialization;
using NATS.Client.Core;

namespace NATS.Client.JetStream.Models;

/// <summary>Serializers of the JetStream API.</summary>
internal static class ApiJson<T>
{
    public static readonly NatsJsonContextSerializer<T> Default = new(JetStreamJson.Default);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    Converters =
    [
        typeof(SnakeCaseConverter<StreamConfigRetention>),
        typeof(SnakeCaseConverter<StreamConfigStorage>),
        typeof(SnakeCaseConverter<StreamConfigDiscard>),
        typeof(SnakeCaseConverter<StreamConfigCompression>),
        typeof(SnakeCaseConverter<ConsumerConfigDeliverPolicy>),
        typeof(SnakeCaseConverter<ConsumerConfigAckPolicy>),
        typeof(SnakeCaseConverter<ConsumerConfigReplayPolicy>),
        typeof(SnakeCaseConverter<ConsumerCreateAction>),
    ])]
[JsonSerializable(typeof(AccountInfoResponse))]
[JsonSerializable(typeof(ApiError))]
[JsonSerializable(typeof(ConsumerCreateRequest))]
[JsonSerializable(typeof(ConsumerInfo))]
[JsonSerializable(typeof(ConsumerListResponse))]
[JsonSerializable(typeof(ConsumerNamesResponse))]
[JsonSerializable(typeof(ConsumerPauseRequest))]
[JsonSerializable(typeof(ConsumerPauseResponse))]
[JsonSerializable(typeof(PageRequest))]
[JsonSerializable(typeof(PubAckResponse))]
[JsonSerializable(typeof(PullRequest))]
[JsonSerializable(typeof(StreamConfig))]
[JsonSerializable(typeof(StreamInfo))]
[JsonSerializable(typeof(StreamInfoRequest))]
[JsonSerializable(typeof(StreamListResponse))]
[JsonSerializable(typeof(StreamMsgDeleteRequest))]
[JsonSerializable(typeof(StreamMsgDeleteResponse))]
[JsonSerializable(typeof(StreamMsgGetRequest))]
[JsonSerializable(typeof(StreamMsgGetResponse))]
[JsonSerializable(typeof(StreamNamesResponse))]
[JsonSerializable(typeof(StreamPurgeRequest))]
[JsonSerializable(typeof(StreamPurgeResponse))]
[JsonSerializable(typeof(SuccessResponse))]
internal sealed partial class JetStreamJson : JsonSerializerContext;

internal sealed class SnakeCaseConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower)
    where T : struct, Enum;

internal sealed class NanosecondsConverter : JsonConverter<TimeSpan>
{
    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        TimeSpan.FromTicks(reader.GetInt64() / TimeSpan.NanosecondsPerTick);

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(value.Ticks * TimeSpan.NanosecondsPerTick);
}

internal sealed class NullableNanosecondsConverter : JsonConverter<TimeSpan?>
{
    public override TimeSpan? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? null : TimeSpan.FromTicks(reader.GetInt64() / TimeSpan.NanosecondsPerTick);

    public override void Write(Utf8JsonWriter writer, TimeSpan? value, JsonSerializerOptions options)
    {
        if (value is { } time)
        {
            writer.WriteNumberValue(time.Ticks * TimeSpan.NanosecondsPerTick);
        }
        else
        {
            writer.WriteNullValue();
        }
    }
}

internal sealed class NanosecondsListConverter : JsonConverter<ICollection<TimeSpan>?>
{
    public override ICollection<TimeSpan>? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        var times = new List<TimeSpan>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            times.Add(TimeSpan.FromTicks(reader.GetInt64() / TimeSpan.NanosecondsPerTick));
        }

        return times;
    }

    public override void Write(Utf8JsonWriter writer, ICollection<TimeSpan>? value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var time in value ?? [])
        {
            writer.WriteNumberValue(time.Ticks * TimeSpan.NanosecondsPerTick);
        }

        writer.WriteEndArray();
    }
}
