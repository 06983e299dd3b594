namespace Aspire.Hosting.ApplicationModel;

/// <summary>A value from configuration (<c>Parameters:{name}</c>), or a default.</summary>
public class ParameterResource : Resource, IExpressionValue, IResourceWithoutLifetime
{
    private readonly Lazy<string> value;

    public ParameterResource(string name, Func<ParameterDefault?, string> callback, bool secret = false) : base(name)
    {
        ArgumentNullException.ThrowIfNull(callback);
        value = new Lazy<string>(() => callback(Default));
        Secret = secret;
    }

    public bool Secret { get; }
    public ParameterDefault? Default { get; set; }
    public bool IsConnectionString { get; set; }
    public string? Description { get; set; }
    public string ValueExpression => IsConnectionString ? $"{{{Name}.connectionString}}" : $"{{{Name}.value}}";

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken) => new(value.Value);

    ValueTask<string?> IValueProvider.GetValueAsync(CancellationToken cancellationToken) => new(value.Value);
}

/// <summary>What a parameter is when nobody configured it.</summary>
public abstract class ParameterDefault
{
    public abstract string GetDefaultValue();
}

/// <summary>A random default with at least the given numbers of each kind of character.</summary>
public sealed class GenerateParameterDefault : ParameterDefault
{
    private const string LowerSet = "abcdefghjkmnpqrstuvwxyz";
    private const string UpperSet = "ABCDEFGHJKMNPQRSTUVWXYZ";
    private const string NumericSet = "0123456789";
    private const string SpecialSet = "-_.{}~()*+!";

    public int MinLength { get; set; } = 22;
    public bool Lower { get; set; } = true;
    public bool Upper { get; set; } = true;
    public bool Numeric { get; set; } = true;
    public bool Special { get; set; } = true;
    public int MinLower { get; set; }
    public int MinUpper { get; set; }
    public int MinNumeric { get; set; }
    public int MinSpecial { get; set; }

    public override string GetDefaultValue()
    {
        (bool Use, int Min, string Set)[] kinds =
        [
            (Lower, MinLower, LowerSet), (Upper, MinUpper, UpperSet), (Numeric, MinNumeric, NumericSet),
            (Special, MinSpecial, SpecialSet),
        ];
        var all = string.Concat(kinds.Where(k => k.Use).Select(k => k.Set));
        if (all.Length == 0)
            throw new ArgumentException("At least one kind of character must be allowed.");
        var text = new List<char>();
        foreach (var (use, min, set) in kinds)
            if (use && min > 0)
                text.AddRange(System.Security.Cryptography.RandomNumberGenerator.GetItems<char>(set, min));
        if (text.Count < MinLength)
            text.AddRange(System.Security.Cryptography.RandomNumberGenerator.GetItems<char>(all, MinLength - text.Count));
        var password = text.ToArray();
        System.Security.Cryptography.RandomNumberGenerator.Shuffle(password.AsSpan());
        return new string(password);
    }
}

internal sealed class ConstantParameterDefault(Func<string> value) : ParameterDefault
{
    public override string GetDefaultValue() => value();
}

/// <summary>Keeps a generated value in the AppHost's user secrets, so that the next start finds it in configuration.</summary>
internal sealed class PersistedParameterDefault(UserSecrets secrets, string name, ParameterDefault inner) : ParameterDefault
{
    public override string GetDefaultValue()
    {
        var value = inner.GetDefaultValue();
        secrets.TrySet($"Parameters:{name}", value);
        return value;
    }
}
