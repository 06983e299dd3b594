using System.Buffers.Binary;
using System.Text;

namespace EventShop.Demo.Otlp;

/// <summary>Reads the fields of one protobuf message in the order they come; what is not asked for is skipped.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;

    private ReadOnlySpan<byte> _rest = message;
    private int _wireType;

    /// <summary>The field that was read last.</summary>
    public int Field { get; private set; }

    /// <summary>Goes to the next field, whose value has to be read or skipped.</summary>
    public bool Read()
    {
        if (_rest.IsEmpty)
            return false;
        var tag = ReadVarint();
        (Field, _wireType) = ((int)(tag >> 3), (int)(tag & 7));
        return true;
    }

    public ulong ReadVarint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = _rest[0];
            _rest = _rest[1..];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
        throw new InvalidDataException("a varint of more than ten bytes");
    }

    public ulong ReadFixed64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    public double ReadDouble() => BinaryPrimitives.ReadDoubleLittleEndian(Take(sizeof(double)));

    public ReadOnlySpan<byte> ReadBytes() => Take((int)ReadVarint());

    public string ReadString() => Encoding.UTF8.GetString(ReadBytes());

    public string ReadHex() => Convert.ToHexStringLower(ReadBytes());

    public void Skip()
    {
        switch (_wireType)
        {
            case Varint:
                ReadVarint();
                break;
            case Fixed64:
                Take(sizeof(ulong));
                break;
            case LengthDelimited:
                ReadBytes();
                break;
            case Fixed32:
                Take(sizeof(uint));
                break;
            default:
                throw new InvalidDataException($"field {Field} has wire type {_wireType}");
        }
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
