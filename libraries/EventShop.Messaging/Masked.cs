using System.Buffers;
using System.Text;
using System.Text.Json;

namespace EventShop.Messaging;

/// <summary>A body as it may be shown: its shape, without what customers wrote or own.</summary>
internal static class Masked
{
    private static readonly JsonEncodedText Mask = JsonEncodedText.Encode("***");

    /// <returns>The JSON with each text masked that is neither an id (a UUID) nor a time; null when it is not JSON.</returns>
    public static string? Json(ReadOnlySpan<byte> json)
    {
        var masked = new ArrayBufferWriter<byte>();
        var reader = new Utf8JsonReader(json);
        using (var writer = new Utf8JsonWriter(masked, new JsonWriterOptions { SkipValidation = true }))
            try
            {
                while (reader.Read())
                    Copy(ref reader, writer);
            }
            catch (JsonException)
            {
                return null;
            }
        return Encoding.UTF8.GetString(masked.WrittenSpan);
    }

    private static void Copy(ref Utf8JsonReader reader, Utf8JsonWriter writer)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                writer.WriteStartObject();
                break;
            case JsonTokenType.EndObject:
                writer.WriteEndObject();
                break;
            case JsonTokenType.StartArray:
                writer.WriteStartArray();
                break;
            case JsonTokenType.EndArray:
                writer.WriteEndArray();
                break;
            case JsonTokenType.PropertyName:
                writer.WritePropertyName(reader.GetString()!);
                break;
            case JsonTokenType.String when reader.TryGetGuid(out _) || reader.TryGetDateTimeOffset(out _):
                writer.WriteStringValue(reader.GetString());
                break;
            case JsonTokenType.String:
                writer.WriteStringValue(Mask);
                break;
            default:
                // A number, true, false or null.
                writer.WriteRawValue(reader.ValueSpan);
                break;
        }
    }
}
