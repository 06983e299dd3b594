using Npgsql;

namespace EventShop.Postgres;

/// <summary>Parameters for statements that take a group of rows as one array per column (<c>unnest(@id, @status, …)</c>).</summary>
public static class ArrayParameters
{
    /// <summary>Adds <c>@name</c>: one column of <paramref name="rows"/> as a PostgreSQL array.</summary>
    public static NpgsqlCommand AddColumn<TRow, TValue>(
        this NpgsqlCommand command, string name, IReadOnlyList<TRow> rows, Func<TRow, TValue> column)
    {
        command.Parameters.Add(Column(name, rows, column));
        return command;
    }

    /// <inheritdoc cref="AddColumn{TRow, TValue}(NpgsqlCommand, string, IReadOnlyList{TRow}, Func{TRow, TValue})"/>
    public static NpgsqlBatchCommand AddColumn<TRow, TValue>(
        this NpgsqlBatchCommand command, string name, IReadOnlyList<TRow> rows, Func<TRow, TValue> column)
    {
        command.Parameters.Add(Column(name, rows, column));
        return command;
    }

    /// <inheritdoc cref="AddValue{TValue}(NpgsqlCommand, string, TValue)"/>
    public static NpgsqlBatchCommand AddValue<TValue>(this NpgsqlBatchCommand command, string name, TValue value)
    {
        command.Parameters.Add(new NpgsqlParameter<TValue>(name, value));
        return command;
    }

    /// <summary>Adds <c>@name</c>: one value.</summary>
    public static NpgsqlCommand AddValue<TValue>(this NpgsqlCommand command, string name, TValue value)
    {
        command.Parameters.Add(new NpgsqlParameter<TValue>(name, value));
        return command;
    }

    private static NpgsqlParameter<TValue[]> Column<TRow, TValue>(string name, IReadOnlyList<TRow> rows, Func<TRow, TValue> column)
    {
        var values = new TValue[rows.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = column(rows[i]);
        return new(name, values);
    }
}
