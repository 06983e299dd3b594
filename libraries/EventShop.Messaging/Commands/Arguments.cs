using System.Globalization;
using System.Numerics;
using EventShop.Hosting;

namespace EventShop.Messaging;

/// <summary>The words after a verb. Each is taken by what knows it; what is left at the end is wrong.</summary>
internal sealed class Arguments
{
    private readonly List<string> _left;
    private readonly string _usage;

    /// <exception cref="StartupException">The host overlooks a setting: it takes what follows <c>--json</c> for the value of a setting of that name.</exception>
    public Arguments(IReadOnlyList<string> words, string usage)
    {
        (_left, _usage) = ([.. words.Where(word => !IsSetting(word))], usage);
        for (var i = 1; i < words.Count; i++)
            if (IsSetting(words[i]) && words[i - 1].StartsWith("--", StringComparison.Ordinal) && !words[i - 1].Contains('='))
                throw Wrong($"{words[i].Split('=')[0]} must come before {words[i - 1]}, or the host overlooks it");
    }

    public bool TakeFlag(string name) => _left.Remove(name);

    /// <summary>Takes <c>--name value</c> or <c>--name=value</c>.</summary>
    /// <returns>Null when it is not there.</returns>
    public string? TakeOption(string name)
    {
        var at = _left.FindIndex(word => word == name || word.StartsWith($"{name}=", StringComparison.Ordinal));
        if (at < 0)
            return null;
        var word = Take(at);
        if (word.Length > name.Length)
            return word[(name.Length + 1)..];
        return at < _left.Count ? Take(at) : throw Wrong($"{name} needs a value");
    }

    /// <inheritdoc cref="TakeOption"/>
    public T TakeNumber<T>(string name, T otherwise, T least, T most) where T : struct, INumber<T>
    {
        if (TakeOption(name) is not { } text)
            return otherwise;
        return T.TryParse(text, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw Wrong($"{name} must be a number from {least} to {most}");
    }

    /// <returns>The next word; null when there is none.</returns>
    public string? TakeWord() => _left.Count > 0 ? Take(0) : null;

    public Guid TakeId() => TakeWord() is not { } word ? throw Wrong("the id is missing")
        : Guid.TryParse(word, out var id) ? id
        : throw Wrong($"'{word}' is no id");

    /// <returns>Null for <c>--all</c>.</returns>
    public Guid? TakeIdOrAll() => TakeFlag("--all") ? null : TakeId();

    /// <exception cref="StartupException">A word is left that nothing knows.</exception>
    public void End()
    {
        if (TakeWord() is { } word)
            throw Unknown(word);
    }

    public StartupException Unknown(string? word) => Wrong(word is null ? "a word is missing" : $"'{word}' is not known");

    public StartupException Wrong(string reason) => new($"{reason}. Possible: {_usage}");

    private string Take(int at)
    {
        var word = _left[at];
        _left.RemoveAt(at);
        return word;
    }

    /// <summary>The host takes <c>--Messaging:Schema=x</c> from the same command line.</summary>
    private static bool IsSetting(string word) => word.StartsWith("--", StringComparison.Ordinal) && word.Split('=') is [var key, _, ..] && key.Contains(':');
}
