using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace NATS.Client.Core;

/// <summary>Strings, numbers, dates, GUIDs and Booleans as UTF-8 text.</summary>
public class NatsUtf8PrimitivesSerializer<T>(INatsSerializer<T>? next = default) : INatsSerializer<T>
{
    /// <summary>Nothing else.</summary>
    public static readonly NatsUtf8PrimitivesSerializer<T> Default = new();

    private delegate bool Parser<TValue>(ReadOnlySpan<byte> text, out TValue value, out int used, char format);

    /// <inheritdoc/>
    public INatsSerializer<T> CombineWith(INatsSerializer<T>? next) => new NatsUtf8PrimitivesSerializer<T>(next);

    /// <inheritdoc/>
    public void Serialize(IBufferWriter<byte> bufferWriter, T value)
    {
        if (value is string text)
        {
            Encoding.UTF8.GetBytes(text, bufferWriter);
            return;
        }

        var span = bufferWriter.GetSpan(128);
        var iso = new StandardFormat('O');
        var written = 0;
        bool? formatted = value switch
        {
            DateTime it => Utf8Formatter.TryFormat(it, span, out written, iso),
            DateTimeOffset { Offset.Ticks: 0 } it => Utf8Formatter.TryFormat(it.UtcDateTime, span, out written, iso),
            DateTimeOffset it => Utf8Formatter.TryFormat(it, span, out written, iso),
            Guid it => Utf8Formatter.TryFormat(it, span, out written),
            TimeSpan it => Utf8Formatter.TryFormat(it, span, out written),
            bool it => Utf8Formatter.TryFormat(it, span, out written),
            byte it => Utf8Formatter.TryFormat(it, span, out written),
            decimal it => Utf8Formatter.TryFormat(it, span, out written),
            double it => Utf8Formatter.TryFormat(it, span, out written),
            float it => Utf8Formatter.TryFormat(it, span, out written),
            int it => Utf8Formatter.TryFormat(it, span, out written),
            long it => Utf8Formatter.TryFormat(it, span, out written),
            sbyte it => Utf8Formatter.TryFormat(it, span, out written),
            short it => Utf8Formatter.TryFormat(it, span, out written),
            uint it => Utf8Formatter.TryFormat(it, span, out written),
            ulong it => Utf8Formatter.TryFormat(it, span, out written),
            _ => null,
        };
        switch (formatted)
        {
            case true:
                bufferWriter.Advance(written);
                break;
            case false:
                throw new NatsException($"Can't serialize {typeof(T)}, format error");
            default:
                (next ?? throw new NatsException($"Can't serialize {typeof(T)}")).Serialize(bufferWriter, value);
                break;
        }
    }

    /// <inheritdoc/>
    public T? Deserialize(in ReadOnlySequence<byte> buffer)
    {
        if (typeof(T) == typeof(string))
        {
            return buffer.IsEmpty ? default : (T)(object)Encoding.UTF8.GetString(buffer);
        }

        return (Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T)) switch
        {
            var type when type == typeof(DateTime) => Parse<DateTime>(buffer, Utf8Parser.TryParse, 'O'),
            var type when type == typeof(DateTimeOffset) => Parse<DateTimeOffset>(buffer, Utf8Parser.TryParse, 'O'),
            var type when type == typeof(Guid) => Parse<Guid>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(TimeSpan) => Parse<TimeSpan>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(bool) => Parse<bool>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(byte) => Parse<byte>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(decimal) => Parse<decimal>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(double) => Parse<double>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(float) => Parse<float>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(int) => Parse<int>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(long) => Parse<long>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(sbyte) => Parse<sbyte>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(short) => Parse<short>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(uint) => Parse<uint>(buffer, Utf8Parser.TryParse),
            var type when type == typeof(ulong) => Parse<ulong>(buffer, Utf8Parser.TryParse),
            _ => (next ?? throw new NatsException($"Can't deserialize {typeof(T)}")).Deserialize(buffer),
        };
    }

    private static T? Parse<TValue>(in ReadOnlySequence<byte> buffer, Parser<TValue> parser, char format = default)
    {
        if (buffer.IsEmpty)
        {
            return default;
        }

        return parser(buffer.IsSingleSegment ? buffer.FirstSpan : buffer.ToArray(), out var value, out _, format)
            ? (T)(object)value!
            : throw new NatsException($"Can't deserialize {typeof(T)}. Parsing error");
    }
}
