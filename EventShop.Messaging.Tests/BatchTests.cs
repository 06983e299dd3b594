using System.Collections.Concurrent;
using NATS.Client.JetStream;
using Npgsql;

namespace EventShop.Messaging.Tests;

/// <summary>Handlers that take several messages at one time: each is settled by itself.</summary>
public sealed class BatchTests(SharedPostgres postgres)
{
    private const string Options = $"Messaging:Consumers:{TestService.Consumer}";

    [Fact]
    public async Task Messages_that_are_in_hand_together_are_handled_together_and_each_once()
    {
        await using var nats = await NatsServer.StartAsync();
        var script = new BatchScript();
        await using var service = await StartAsync(nats, postgres.NewDatabase(), script);

        await service.StoreAsync([.. Enumerable.Range(1, 400).Select(number => Ping.Event(number))]);

        await SettledAsync(service, 400);
        Assert.Equal(Enumerable.Range(1, 400), script.Numbers.Order());
        Assert.Contains(script.Batches, size => size > 1);
        Assert.All(script.Batches, size => Assert.InRange(size, 1, 16));
    }

    [Fact]
    public async Task One_that_is_failed_is_given_up_by_itself_and_the_others_are_acknowledged()
    {
        await using var nats = await NatsServer.StartAsync();
        var script = new BatchScript
        {
            Handle = (batch, _) =>
            {
                foreach (var item in batch.Where(item => item.Message.Number % 10 == 0))
                    item.Fail(new PoisonMessageException("it ends with zero"));
                return Task.CompletedTask;
            },
        };
        await using var service = await StartAsync(nats, postgres.NewDatabase(), script);

        await service.StoreAsync([.. Enumerable.Range(1, 50).Select(number => Ping.Event(number))]);

        await SettledAsync(service, 50);
        Assert.Equal(5, await service.StreamMessagesAsync(TestService.DeadLetters));
        Assert.Equal(50, script.Numbers.Count);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(1, 2, 3)]
    [InlineData(40, 20, 39)]
    public async Task A_batch_that_throws_is_taken_apart_until_the_one_whose_fault_it_is_stands_alone(params int[] bad)
    {
        await using var nats = await NatsServer.StartAsync();
        var script = new BatchScript
        {
            Handle = (batch, _) => batch.Any(item => bad.Contains(item.Message.Number)) ? throw new PoisonMessageException("one of them") : Task.CompletedTask,
        };
        await using var service = await StartAsync(nats, postgres.NewDatabase(), script);

        await service.StoreAsync([.. Enumerable.Range(1, 40).Select(number => Ping.Event(number))]);

        await SettledAsync(service, 40);
        Assert.Equal(bad.Length, await service.StreamMessagesAsync(TestService.DeadLetters));
        Assert.Equal(Enumerable.Range(1, 40).Except(bad), script.Finished.Distinct().Order());
    }

    [Fact]
    public async Task A_batch_that_is_cut_off_in_the_middle_comes_again_and_takes_effect_once()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        await using (var first = await StartAsync(nats, database, new BatchScript()))
            await first.ScalarAsync<int>("create table effects (number int not null); select 1");
        TestService? running = null;
        var cut = new BatchScript
        {
            Handle = async (batch, cancellationToken) =>
            {
                // Half of it is on disk when the service has to stop.
                foreach (var item in batch.Take((batch.Count + 1) / 2))
                    await ApplyAsync(running!, item, cancellationToken);
                await Task.Delay(Timeout.Infinite, cancellationToken);
            },
        };
        await using (var service = running = await StartAsync(nats, database, cut, ("StallTimeout", "00:00:00.100")))
        {
            await service.StoreAsync([.. Enumerable.Range(1, 30).Select(number => Ping.Event(number))]);
            await Eventually.True("some are on disk", async () => await service.ScalarAsync<long>("select count(*) from effects") > 0);
            await service.StopAsync();
        }

        var whole = new BatchScript
        {
            Handle = async (batch, cancellationToken) =>
            {
                foreach (var item in batch)
                    await ApplyAsync(running!, item, cancellationToken);
            },
        };
        await using var next = running = await StartAsync(nats, database, whole);

        await SettledAsync(next, 30);
        Assert.Equal(30, await next.ScalarAsync<long>("select count(*) from effects"));
        Assert.Equal(30, await next.ScalarAsync<long>("select count(distinct number) from effects"));
        Assert.Equal(0, await next.StreamMessagesAsync(TestService.DeadLetters));
    }

    private static Task<TestService> StartAsync(NatsServer nats, string database, BatchScript script, params (string Key, string Value)[] options) =>
        TestService.StartAsync(
            nats, database, script: script, handlers: map => map.HandleBatch<Ping, BatchHandler>(maxSize: 16),
            settings: [.. options.Select(option => ($"{Options}:{option.Key}", option.Value))]);

    private static Task SettledAsync(TestService service, ulong count) => Eventually.True("all are settled", async () =>
        await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 0 } info && info.Delivered.StreamSeq >= count);

    private static async Task ApplyAsync(TestService service, BatchItem<Ping> item, CancellationToken cancellationToken)
    {
        await using var connection = await service.Db.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (!await service.Inbox.TryRecordAsync(transaction, item.Context, cancellationToken))
            return;
        await using var insert = new NpgsqlCommand("insert into effects (number) values (@number)", connection, transaction).AddValue("number", item.Message.Number);
        await insert.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private sealed class BatchScript : PingScript
    {
        public new Func<IReadOnlyList<BatchItem<Ping>>, CancellationToken, Task> Handle { get; init; } = (_, _) => Task.CompletedTask;

        public ConcurrentQueue<int> Batches { get; } = new();

        public ConcurrentQueue<int> Numbers { get; } = new();

        public ConcurrentQueue<int> Finished { get; } = new();
    }

    private sealed class BatchHandler(PingScript script) : IHandleBatch<Ping>
    {
        public async Task HandleAsync(IReadOnlyList<BatchItem<Ping>> batch, CancellationToken cancellationToken)
        {
            var batchScript = (BatchScript)script;
            batchScript.Batches.Enqueue(batch.Count);
            foreach (var item in batch)
                batchScript.Numbers.Enqueue(item.Message.Number);
            await batchScript.Handle(batch, cancellationToken);
            foreach (var item in batch)
                batchScript.Finished.Enqueue(item.Message.Number);
        }
    }
}
