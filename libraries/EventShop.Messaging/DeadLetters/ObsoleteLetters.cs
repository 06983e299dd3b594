using EventShop.Postgres;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>
/// Which dead letters no longer matter. Kept in the service's own database: a message in a stream cannot be changed, and what makes a letter
/// obsolete is known from this database.
/// </summary>
/// <remarks>A letter is known by its sequence and its time: a stream that is lost and made again begins its sequences anew.</remarks>
internal sealed class ObsoleteLetters(NpgsqlDataSource db, MessagingOptions options)
{
    /// <returns>The letters, with what is known of them.</returns>
    public async Task<IReadOnlyList<DeadLetter>> MarkedAsync(IReadOnlyList<DeadLetter> letters, CancellationToken cancellationToken)
    {
        if (letters.Count == 0)
            return letters;
        await using var command = db.CreateCommand($"select sequence, given_up_at, since, reason from {options.Tables}dead_letters_obsolete where sequence = any(@sequence)")
            .AddColumn("sequence", letters, letter => (long)letter.Sequence);
        var marks = new Dictionary<(ulong, DateTimeOffset), (DateTimeOffset Since, string Reason)>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            marks.Add(((ulong)reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1)), (reader.GetFieldValue<DateTimeOffset>(2), reader.GetString(3)));
        return [.. letters.Select(letter => marks.TryGetValue((letter.Sequence, Stored(letter.GivenUpAt)), out var mark)
            ? letter with { ObsoleteSince = mark.Since, ObsoleteReason = mark.Reason }
            : letter)];
    }

    public async Task MarkAsync(DeadLetter letter, string reason, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = db.CreateCommand($"""
            insert into {options.Tables}dead_letters_obsolete (sequence, given_up_at, consumer, since, reason) values (@sequence, @given_up_at, @consumer, @now, @reason)
            on conflict do nothing
            """)
            .AddValue("sequence", (long)letter.Sequence).AddValue("given_up_at", Stored(letter.GivenUpAt).UtcDateTime)
            .AddValue("consumer", letter.Consumer).AddValue("now", now.UtcDateTime).AddValue("reason", reason);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Forgets letters that are gone.</summary>
    /// <param name="letters">Those that there are.</param>
    /// <param name="upTo">The last that there was before they were listed: another replica may know of later ones.</param>
    /// <param name="cancellationToken">The service is stopping.</param>
    public async Task ForgetOthersAsync(IReadOnlyList<DeadLetter> letters, ulong upTo, CancellationToken cancellationToken)
    {
        await using var command = db.CreateCommand($"delete from {options.Tables}dead_letters_obsolete where sequence <= @up_to and sequence <> all(@sequence)")
            .AddValue("up_to", (long)upTo).AddColumn("sequence", letters, letter => (long)letter.Sequence);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>PostgreSQL keeps microseconds.</summary>
    private static DateTimeOffset Stored(DateTimeOffset time) => time.AddTicks(-(time.Ticks % TimeSpan.TicksPerMicrosecond));
}
