using Npgsql;

namespace EventShop.Messaging.Tests;

public sealed class GroupCommitTests(SharedPostgres postgres)
{
    private sealed record Write(Guid Key, int Number);

    [Fact]
    public async Task Writes_that_arrive_during_a_commit_share_the_next_one()
    {
        var groups = new List<int>();
        var first = new TaskCompletionSource();
        await using var writes = new GroupCommit<Write, int>("test", w => w.Key, async (group, _) =>
        {
            groups.Add(group.Count);
            await first.Task;
            return [.. group.Select(w => w.Number)];
        });

        var answers = Enumerable.Range(0, 1).Select(n => writes.WriteAsync(new(Guid.NewGuid(), n))).ToList();
        await Eventually.True("the first group is being committed", () => Task.FromResult(groups.Count == 1));
        answers.AddRange(Enumerable.Range(1, 100).Select(n => writes.WriteAsync(new(Guid.NewGuid(), n))));
        Assert.All(answers, answer => Assert.False(answer.IsCompleted));
        first.SetResult();

        Assert.Equal(Enumerable.Range(0, 101), await Task.WhenAll(answers));
        Assert.Equal([1, 100], groups);
    }

    [Fact]
    public async Task A_row_the_database_refuses_fails_its_own_caller_alone()
    {
        await using var db = await CreateAsync("create table numbers (id uuid primary key, number int not null check (number < 90))");
        var gate = new TaskCompletionSource();
        await using var writes = new GroupCommit<Write, bool>("test", w => w.Key, async (group, cancellationToken) =>
        {
            await gate.Task;
            await using var insert = db.CreateCommand("insert into numbers select * from unnest(@id, @number)")
                .AddColumn("id", group, w => w.Key).AddColumn("number", group, w => w.Number);
            await insert.ExecuteNonQueryAsync(cancellationToken);
            return new bool[group.Count];
        });

        var answers = Enumerable.Range(0, 100).Select(n => writes.WriteAsync(new(Guid.NewGuid(), n))).ToArray();
        gate.SetResult();

        for (var n = 0; n < 100; n++)
            if (n < 90)
                await answers[n];
            else
                Assert.Equal(PostgresErrorCodes.CheckViolation, (await Assert.ThrowsAsync<PostgresException>(() => answers[n])).SqlState);
        await using var count = db.CreateCommand("select count(*) from numbers");
        Assert.Equal(90L, await count.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Writes_to_one_aggregate_are_committed_one_after_the_other_in_their_order()
    {
        var key = Guid.NewGuid();
        var groups = new List<int[]>();
        var gate = new TaskCompletionSource();
        await using var writes = new GroupCommit<Write, int>("test", w => w.Key, async (group, _) =>
        {
            await gate.Task;
            groups.Add([.. group.Where(w => w.Key == key).Select(w => w.Number)]);
            return [.. group.Select(w => w.Number)];
        });

        var answers = Enumerable.Range(0, 20)
            .SelectMany(n => new[] { writes.WriteAsync(new(key, n)), writes.WriteAsync(new(Guid.NewGuid(), -n)) }).ToArray();
        gate.SetResult();
        await Task.WhenAll(answers);

        Assert.All(groups, group => Assert.True(group.Length <= 1));
        Assert.Equal(Enumerable.Range(0, 20), groups.SelectMany(group => group));
    }

    [Fact]
    public async Task A_database_that_fails_fails_its_callers_and_the_next_group_goes_through()
    {
        var broken = true;
        await using var writes = new GroupCommit<Write, int>("test", w => w.Key, (group, _) => broken
            ? throw new NpgsqlException("connection lost")
            : Task.FromResult<IReadOnlyList<int>>([.. group.Select(w => w.Number)]));

        await Assert.ThrowsAsync<NpgsqlException>(() => writes.WriteAsync(new(Guid.NewGuid(), 1)));
        broken = false;
        Assert.Equal(2, await writes.WriteAsync(new(Guid.NewGuid(), 2)));
    }

    [Fact]
    public async Task When_its_queue_is_full_a_caller_is_refused_at_once()
    {
        var gate = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        await using var writes = new GroupCommit<Write, int>("test", w => w.Key, async (group, _) =>
        {
            begun.TrySetResult();
            await gate.Task;
            return [.. group.Select(w => w.Number)];
        }, maxGroup: 1, capacity: 2);

        var committing = writes.WriteAsync(new(Guid.NewGuid(), 0));
        await begun.Task;
        var waiting = new[] { writes.WriteAsync(new(Guid.NewGuid(), 1)), writes.WriteAsync(new(Guid.NewGuid(), 2)) };
        await Assert.ThrowsAsync<OverloadedException>(() => writes.WriteAsync(new(Guid.NewGuid(), 3)));

        gate.SetResult();
        int[] answers = await Task.WhenAll([committing, .. waiting]);
        Assert.Equal([0, 1, 2], answers);
    }

    [Fact]
    public async Task Disposing_commits_what_is_waiting_and_takes_no_more()
    {
        var writes = new GroupCommit<Write, int>(
            "test", w => w.Key, (group, _) => Task.FromResult<IReadOnlyList<int>>([.. group.Select(w => w.Number)]), maxGroup: 2);
        var answers = Enumerable.Range(0, 50).Select(n => writes.WriteAsync(new(Guid.NewGuid(), n))).ToArray();

        await writes.DisposeAsync();

        Assert.Equal(Enumerable.Range(0, 50), await Task.WhenAll(answers));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => writes.WriteAsync(new(Guid.NewGuid(), 1)));
    }

    private async Task<NpgsqlDataSource> CreateAsync(string schema)
    {
        var settings = new NpgsqlConnectionStringBuilder(postgres.NewDatabase());
        await using (var server = NpgsqlDataSource.Create(postgres.ConnectionString("postgres")))
        await using (var create = server.CreateCommand($"create database {settings.Database}"))
            await create.ExecuteNonQueryAsync();
        var db = NpgsqlDataSource.Create(settings);
        await using var command = db.CreateCommand(schema);
        await command.ExecuteNonQueryAsync();
        return db;
    }
}
