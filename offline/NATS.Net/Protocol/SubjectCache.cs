using System.Text;

namespace NATS.Client.Core;

/// <summary>
/// Subjects repeat from message to message: the same bytes give the same string without allocating it again.
/// Belongs to one read loop; not safe for more.
/// </summary>
internal sealed class SubjectCache
{
    private const int Slots = 64;

    private readonly (byte[] Bytes, string Text)[] _slots = new (byte[], string)[Slots];

    public string Get(ReadOnlySpan<byte> subject)
    {
        var hash = new HashCode();
        hash.AddBytes(subject);
        ref var slot = ref _slots[(uint)hash.ToHashCode() % Slots];
        if (slot.Bytes is null || !subject.SequenceEqual(slot.Bytes))
        {
            slot = (subject.ToArray(), Encoding.UTF8.GetString(subject));
        }

        return slot.Text;
    }
}
