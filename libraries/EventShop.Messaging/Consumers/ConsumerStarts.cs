using EventShop.Postgres;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>
/// Remembers where each consumer begins: decided when the service first starts, and not when the broker is first there, nor again when the broker has
/// lost the consumer.
/// </summary>
internal sealed class ConsumerStarts(
    NpgsqlDataSource db, IEnumerable<ConsumerDefinition> consumers, MessagingOptions options, TimeProvider clock) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var definition in consumers)
                await RememberAsync(definition, cancellationToken);
        }
        catch (NpgsqlException e) when (e.IsDatabaseUnavailable())
        {
            // It has just been there. Then it is decided when the consumer is made.
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <returns>The time at which it begins, or began; null when with all that its stream keeps.</returns>
    public async Task<DateTimeOffset?> RememberAsync(ConsumerDefinition definition, CancellationToken cancellationToken)
    {
        var beginsAt = definition.Start.IsNow ? clock.GetUtcNow() : definition.Start.FixedTime;
        await using var command = db.CreateCommand($"""
            insert into {options.Tables}consumers as c (name, begins_at) values (@name, @begins_at)
            on conflict (name) do update set name = c.name returning begins_at
            """).AddValue("name", definition.Name);
        command.Parameters.Add(new NpgsqlParameter("begins_at", NpgsqlTypes.NpgsqlDbType.TimestampTz) { Value = (object?)beginsAt?.UtcDateTime ?? DBNull.Value });
        return await command.ExecuteScalarAsync(cancellationToken) is DateTime time ? new DateTimeOffset(time, TimeSpan.Zero) : null;
    }
}
