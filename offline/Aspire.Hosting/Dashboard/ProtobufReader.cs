using System.Buffers.Binary;
using System.Text;

namespace Aspire.Hosting.Dashboard;

/// <summary>Reads one protobuf message field by field: <c>while (reader.Next()) switch (reader.Field) …</c>.</summary>
/// <exception cref="InvalidDataException">From every member: the bytes are no message, or the field is of another type.</exception>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private const int VarintType = 0;
    private const int Fixed64Type = 1;
    private const int BytesType = 2;
    private const int Fixed32Type = 5;

    private ReadOnlySpan<byte> rest = message;
    private int type;

    public int Field { get; private set; }

    public bool Next()
    {
        if (rest.IsEmpty)
            return false;
        var tag = ReadVarint();
        Field = tag >> 3 is > 0 and <= 0x1FFF_FFFF and var field
            ? (int)field
            : throw new InvalidDataException("A field number is out of range.");
        type = (int)(tag & 7);
        return true;
    }

    public ulong Varint()
    {
        Expect(VarintType);
        return ReadVarint();
    }

    public ulong Fixed64()
    {
        Expect(Fixed64Type);
        return BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
    }

    public ReadOnlySpan<byte> Bytes()
    {
        Expect(BytesType);
        return Take(ReadVarint());
    }

    public string Text() => Encoding.UTF8.GetString(Bytes());

    public void Skip()
    {
        switch (type)
        {
            case VarintType:
                ReadVarint();
                break;
            case Fixed64Type:
                Take(8);
                break;
            case BytesType:
                Take(ReadVarint());
                break;
            case Fixed32Type:
                Take(4);
                break;
            default:
                throw new InvalidDataException($"Wire type {type} is not known.");
        }
    }

    private readonly void Expect(int wanted)
    {
        if (type != wanted)
            throw new InvalidDataException($"Field {Field} has wire type {type}, not {wanted}.");
    }

    private ulong ReadVarint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Take(1)[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
        throw new InvalidDataException("A number is longer than 64 bits.");
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)rest.Length)
            throw new InvalidDataException("The message ends in the middle of a field.");
        var taken = rest[..(int)count];
        rest = rest[(int)count..];
        return taken;
    }
}
