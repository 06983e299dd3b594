using System.Text.Json.Serialization;

namespace NATS.Client.JetStream.Models;

/// <summary>An error of the JetStream API.</summary>
public record ApiError
{
    /// <summary>As in HTTP.</summary>
    public int Code { get; set; }

    /// <summary>For people.</summary>
    public string? Description { get; set; }

    /// <summary>The server's own number, such as 10071.</summary>
    public int ErrCode { get; set; }
}

/// <summary>The answer to a publish: stored, stored before, or refused.</summary>
public record PubAckResponse
{
    /// <summary>Why it was refused.</summary>
    public ApiError? Error { get; set; }

    /// <summary>The stream.</summary>
    public string? Stream { get; set; }

    /// <summary>The message's sequence; of a duplicate, the first one's.</summary>
    public ulong Seq { get; set; }

    /// <summary>Whether a message with this id had been stored before.</summary>
    public bool Duplicate { get; set; }

    /// <summary>The domain.</summary>
    public string? Domain { get; set; }
}

/// <summary>Which message to get.</summary>
public record StreamMsgGetRequest
{
    /// <summary>The one with this sequence.</summary>
    public ulong Seq { get; set; }

    /// <summary>The newest of this subject.</summary>
    public string? LastBySubj { get; set; }

    /// <summary>The next of this subject from <see cref="Seq"/> on.</summary>
    public string? NextBySubj { get; set; }
}

/// <summary>A message of a stream.</summary>
public record StreamMsgGetResponse
{
    /// <summary>The message.</summary>
    public required StoredMessage Message { get; set; }
}

/// <summary>A message as a stream keeps it.</summary>
public record StoredMessage
{
    /// <summary>Its subject.</summary>
    public required string Subject { get; set; }

    /// <summary>Its sequence.</summary>
    public ulong Seq { get; set; }

    /// <summary>Its payload.</summary>
    public ReadOnlyMemory<byte> Data { get; set; }

    /// <summary>When it was stored.</summary>
    public required DateTimeOffset Time { get; set; }

    /// <summary>Its headers, base64.</summary>
    public string? Hdrs { get; set; }
}

/// <summary>Which message to delete.</summary>
public record StreamMsgDeleteRequest
{
    /// <summary>Its sequence.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ulong Seq { get; set; }

    /// <summary>Whether its bytes may stay on disk.</summary>
    public bool NoErase { get; set; }
}

/// <summary>Whether a message was deleted.</summary>
public record StreamMsgDeleteResponse
{
    /// <summary>Whether it was.</summary>
    public bool Success { get; set; }
}

/// <summary>What to purge.</summary>
public record StreamPurgeRequest
{
    /// <summary>Only this subject.</summary>
    public string? Filter { get; set; }

    /// <summary>Only up to this sequence.</summary>
    public ulong Seq { get; set; }

    /// <summary>All but so many.</summary>
    public ulong Keep { get; set; }
}

/// <summary>What was purged.</summary>
public record StreamPurgeResponse
{
    /// <summary>Whether it was.</summary>
    public bool Success { get; set; }

    /// <summary>How many messages.</summary>
    public long Purged { get; set; }
}

/// <summary>What an account uses and may use.</summary>
public record AccountInfoResponse
{
    /// <summary>Memory used, in bytes.</summary>
    public ulong Memory { get; set; }

    /// <summary>Disk used, in bytes.</summary>
    public ulong Storage { get; set; }

    /// <summary>Streams.</summary>
    public int Streams { get; set; }

    /// <summary>Consumers.</summary>
    public int Consumers { get; set; }

    /// <summary>The domain.</summary>
    public string? Domain { get; set; }
}
