using Npgsql;

namespace EventShop.Postgres;

/// <summary>
/// Removes many rows a few at a time. One statement for all of them may take longer than any time limit, and then begins from the start each time,
/// with locks, bloat and replication delay for nothing.
/// </summary>
public static class Pruning
{
    private const int LargestBatch = 5000;
    private const int SmallestBatch = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Runs batches, each in a transaction of its own, with a pause after each, until one is not full. A batch that takes longer than a statement
    /// may is halved. Cancelled, or after a crash, the next run goes on where this one ended.
    /// </summary>
    /// <param name="pruneBatchAsync">Removes at most so many rows.</param>
    /// <param name="clock">Measures the pauses.</param>
    /// <param name="cancellationToken">The service is stopping.</param>
    /// <returns>How many rows were removed.</returns>
    public static async Task<long> RunAsync(
        Func<int, CancellationToken, Task<PrunedBatch>> pruneBatchAsync, TimeProvider clock, CancellationToken cancellationToken)
    {
        var (batch, removed) = (LargestBatch, 0L);
        while (true)
        {
            try
            {
                var pruned = await pruneBatchAsync(batch, cancellationToken);
                removed += pruned.Removed;
                if (pruned.Read < batch)
                    return removed;
            }
            catch (NpgsqlException e) when (batch > SmallestBatch && !cancellationToken.IsCancellationRequested && IsTimeout(e))
            {
                batch /= 2;
            }
            await Task.Delay(Pause, clock, cancellationToken);
        }
    }

    /// <summary>Removes rows with a statement that takes <c>@batch</c> and deletes at most so many.</summary>
    /// <inheritdoc cref="RunAsync(Func{int, CancellationToken, Task{PrunedBatch}}, TimeProvider, CancellationToken)"/>
    public static Task<long> RunAsync(
        NpgsqlDataSource db, string sql, Action<NpgsqlCommand> addParameters, TimeProvider clock, CancellationToken cancellationToken)
    {
        return RunAsync(PruneBatchAsync, clock, cancellationToken);

        async Task<PrunedBatch> PruneBatchAsync(int batch, CancellationToken token)
        {
            await using var command = db.CreateCommand(sql).AddValue("batch", batch);
            addParameters(command);
            var removed = await command.ExecuteNonQueryAsync(token);
            return new(removed, removed);
        }
    }

    /// <summary>The server's limit, or the client's.</summary>
    private static bool IsTimeout(NpgsqlException e) =>
        e is PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } || e.InnerException is TimeoutException;
}

/// <summary>What a batch did.</summary>
/// <param name="Read">Rows it looked at; fewer than it might when there are no more.</param>
/// <param name="Removed">Rows it removed.</param>
public readonly record struct PrunedBatch(int Read, int Removed);
