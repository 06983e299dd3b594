using System.Text.Json.Serialization;

namespace NATS.Client.JetStream.Models;

/// <summary>What a consumer create may do.</summary>
internal enum ConsumerCreateAction
{
    CreateOrUpdate = 0,
    Create = 1,
    Update = 2,
}

internal sealed record ConsumerCreateRequest
{
    public required string StreamName { get; init; }

    public required ConsumerConfig Config { get; init; }

    public ConsumerCreateAction Action { get; init; }
}

internal sealed record ConsumerPauseRequest
{
    public DateTimeOffset? PauseUntil { get; init; }
}

internal sealed record SuccessResponse
{
    public bool Success { get; init; }
}

internal sealed record PageRequest
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int Offset { get; init; }

    public string? Subject { get; init; }
}

internal sealed record StreamNamesResponse
{
    public List<string>? Streams { get; init; }
}

internal sealed record StreamListResponse
{
    public List<StreamInfo>? Streams { get; init; }
}

internal sealed record ConsumerNamesResponse
{
    public List<string>? Consumers { get; init; }
}

internal sealed record ConsumerListResponse
{
    public List<ConsumerInfo>? Consumers { get; init; }
}

/// <summary>A pull: so many messages, or bytes, within a time.</summary>
internal sealed record PullRequest
{
    [JsonConverter(typeof(NanosecondsConverter))]
    public TimeSpan Expires { get; init; }

    public long Batch { get; init; }

    public long MaxBytes { get; init; }

    public bool NoWait { get; init; }

    [JsonConverter(typeof(NanosecondsConverter))]
    public TimeSpan IdleHeartbeat { get; init; }
}
