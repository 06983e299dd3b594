using System.Buffers.Text;

namespace OrderService;

/// <summary>Which orders are asked for. Newest first: ids are version 7, so they lie in order of time.</summary>
/// <param name="CustomerId">Of one customer only.</param>
/// <param name="Status">In one status only.</param>
/// <param name="After">The last order of the page before.</param>
public sealed record OrderPage(string? CustomerId, OrderStatus? Status, Guid? After, int Limit)
{
    public const int MaxLimit = 100;
    public const int DefaultLimit = 20;

    internal const string Columns =
        "id, customer_id as CustomerId, status, currency, total, items::text, created_at as CreatedAt, history::text";

    private static readonly string Statuses = string.Join(", ", Enum.GetNames<OrderStatus>().Select(name => $"'{name}'"));

    /// <summary>One more order than the page has, to know whether there is a next one. Ranges of an index, wherever they begin.</summary>
    /// <remarks>
    /// A customer's orders lie together by status: a page of all of them is the newest of each status, and of those the newest. That
    /// is a hundred rows instead of twenty, and saves an index that every order would be written to twice.
    /// </remarks>
    public string Sql => CustomerId is not null && Status is null
        ? $"select o.* from unnest(array[{Statuses}]) as s (status) cross join lateral ({Newest("status = s.status")}) o order by id desc limit @Take"
        : Newest(Status is null ? null : "status = @Status");

    /// <summary>An order's place as an opaque text.</summary>
    public static string Cursor(Guid last) => Base64Url.EncodeToString(last.ToByteArray(bigEndian: true));

    /// <returns>False when the text is not a <see cref="Cursor"/>.</returns>
    public static bool TryReadCursor(string text, out Guid after)
    {
        Span<byte> bytes = stackalloc byte[16];
        after = default;
        if (text.Length != 22 || !Base64Url.IsValid(text) || !Base64Url.TryDecodeFromChars(text, bytes, out var read) || read != 16)
            return false;
        after = new(bytes, bigEndian: true);
        return true;
    }

    private string Newest(string? inStatus)
    {
        string?[] conditions =
        [
            CustomerId is null ? null : "customer_id = @CustomerId",
            inStatus,
            After is null ? null : "id < @After",
        ];
        var given = conditions.Where(condition => condition is not null).ToArray();
        var where = given.Length == 0 ? "" : $" where {string.Join(" and ", given)}";
        return $"select {Columns} from orders{where} order by id desc limit @Take";
    }
}
