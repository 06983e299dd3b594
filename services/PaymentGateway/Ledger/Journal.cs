using System.Buffers;
using System.Text.Json;
using System.Threading.Channels;
using EventShop.Hosting;

namespace PaymentGateway.Ledger;

/// <summary>
/// An append-only file of JSON lines. One writer takes all lines that came while it wrote the last ones and writes them at
/// once; whoever appended is told afterwards. Written means handed to the operating system: it survives the process being
/// killed, not the machine losing power, which is enough for a simulation.
/// </summary>
internal sealed class Journal : IAsyncDisposable
{
    private const int MaxGroupBytes = 1 << 20;

    private readonly Channel<Entry> entries = Channel.CreateUnbounded<Entry>(new() { SingleReader = true });
    private readonly ArrayBufferWriter<byte> buffer = new();
    private readonly List<Entry> group = [];
    private readonly FileStream file;
    private readonly Task writing;
    private long length;

    /// <summary>Opens the file, creating it and its folder, and takes it for itself.</summary>
    /// <exception cref="StartupException">It cannot be opened, or another process has it.</exception>
    public Journal(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"ledger: {exception.Message} Gateway:LedgerPath names another file.", exception);
        }

        length = file.Length;
        writing = Task.Run(Write);
    }

    /// <summary>
    /// Hands over every line, before the first is appended. A last line that is not whole is what a crash left of an answer
    /// never given: it is cut off.
    /// </summary>
    /// <exception cref="StartupException">A line before the last cannot be read.</exception>
    public void Replay(Action<JournalLine> apply)
    {
        using var reader = new StreamReader(file, leaveOpen: true);
        var read = 0L;
        for (var number = 1; reader.ReadLine() is { } text; number++)
        {
            // The writer escapes everything but ASCII, so a character is a byte.
            var end = read + text.Length + 1;
            if (end > length || Parse(text) is not { } line)
            {
                if (end < length)
                {
                    throw new StartupException($"ledger: line {number} of {file.Name} is damaged. Repair it or move the file away.");
                }

                break;
            }

            apply(line);
            read = end;
        }

        length = read;
        RandomAccess.SetLength(file.SafeFileHandle, length);
    }

    /// <summary>Completes when the line is in the file.</summary>
    /// <exception cref="IOException">It could not be written; nothing of it is left in the file.</exception>
    public Task Append(JournalLine line)
    {
        var entry = new Entry(line);
        return entries.Writer.TryWrite(entry) ? entry.Task : throw new ObjectDisposedException(nameof(Journal));
    }

    public async ValueTask DisposeAsync()
    {
        entries.Writer.TryComplete();
        await writing;
        await file.DisposeAsync();
    }

    private async Task Write()
    {
        using var json = new Utf8JsonWriter(buffer);
        while (await entries.Reader.WaitToReadAsync())
        {
            while (buffer.WrittenCount < MaxGroupBytes && entries.Reader.TryRead(out var entry))
            {
                JsonSerializer.Serialize(json, entry.Line, JournalJson.Default.JournalLine);
                json.Flush();
                json.Reset();
                buffer.Write("\n"u8);
                group.Add(entry);
            }

            WriteGroup();
            buffer.ResetWrittenCount();
            group.Clear();
        }
    }

    private void WriteGroup()
    {
        try
        {
            RandomAccess.Write(file.SafeFileHandle, buffer.WrittenSpan, length);
            length += buffer.WrittenCount;
            group.ForEach(entry => entry.SetResult());
        }
        catch (IOException exception)
        {
            RandomAccess.SetLength(file.SafeFileHandle, length);
            group.ForEach(entry => entry.SetException(exception));
        }
    }

    private static JournalLine? Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, JournalJson.Default.JournalLine);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed class Entry(JournalLine line) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public JournalLine Line { get; } = line;
    }
}
