using Npgsql;

namespace EventShop.Messaging;

/// <summary>Parameters for statements that take a group of rows as one array per column (<c>unnest(@id, @status, …)</c>).</summary>
public static class ArrayParameters
{
    /// <summary>Adds <c>@name</c>: one column of <paramref name="rows"/> as a PostgreSQL array.</summary>
    public static NpgsqlCommand AddColumn<TRow, TValue>(
        this NpgsqlCommand command, string name, IReadOnlyList<TRow> rows, Func<TRow, TValue> column)
    {
        var values = new TValue[rows.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = column(rows[i]);
        command.Parameters.Add(new NpgsqlParameter<TValue[]>(name, values));
        return command;
    }

    /// <summary>Adds <c>@name</c>: one value.</summary>
    public static NpgsqlCommand AddValue<TValue>(this NpgsqlCommand command, string name, TValue value)
    {
        command.Parameters.Add(new NpgsqlParameter<TValue>(name, value));
        return command;
    }
}
