using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace EventShop.Hosting;

/// <summary>Options read and checked at start, with errors that say which key, which value, and what is allowed.</summary>
public static class ValidatedOptions
{
    /// <summary>Reads <paramref name="section"/> into a <typeparamref name="TOptions"/> and checks its annotations.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="section">The section's path.</param>
    /// <param name="configure">Sets options in code; the configuration overrides them.</param>
    /// <param name="sections">
    /// Sections inside this one that are read by others: then a key that is not known is an error. Null: other keys are allowed, because the section's
    /// name may be another program's too.
    /// </param>
    /// <exception cref="OptionsValidationException">One failure for each wrong value, and for each key that is not known.</exception>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "What one key holds is of a type of the base library, which converts without reflection.")]
    public static TOptions GetValidated<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] TOptions>(
        this IConfiguration configuration, string section, Action<TOptions>? configure = null, string[]? sections = null)
        where TOptions : class, new()
    {
        var options = new TOptions();
        configure?.Invoke(options);
        var values = configuration.GetSection(section);
        var properties = typeof(TOptions).GetProperties(BindingFlags.Instance | BindingFlags.Public).Where(IsBound).ToArray();
        var failures = sections is null ? [] : Unknown(values, [.. properties.Select(property => property.Name), .. sections]).ToList();
        foreach (var property in properties)
        {
            if (values[property.Name] is not { } text)
            {
                if (configure is not null)
                    failures.AddRange(Broken(property, property.GetValue(options)).Select(allowed => Failure(property.Name, $"{property.GetValue(options)}", allowed)));
                continue;
            }
            try
            {
                property.SetValue(options, values.GetValue(property.PropertyType, property.Name));
                failures.AddRange(Broken(property, property.GetValue(options)).Select(allowed => Failure(property.Name, text, allowed)));
            }
            catch (InvalidOperationException)
            {
                failures.Add(Failure(property.Name, text, $"must be {KindOf(property.PropertyType)}"));
            }
        }

        if (failures.Count == 0 && options is IValidatableObject together)
            foreach (var result in together.Validate(new ValidationContext(options, section, null, null)))
                foreach (var member in result.MemberNames)
                    failures.Add(Failure(member, values[member] ?? "(default)", result.ErrorMessage!));
        return failures.Count == 0 ? options : throw new OptionsValidationException(section, typeof(TOptions), failures);

        string Failure(string key, string value, string allowed) => $"{section}:{key} is '{value}': {allowed}";
    }

    /// <summary>What is part of a contract is set in code only.</summary>
    private static bool IsBound(PropertyInfo property) => property.CanWrite && property.GetCustomAttribute<BindableAttribute>() is not { Bindable: false };

    private static IEnumerable<string> Unknown(IConfigurationSection values, string[] known) =>
        values.GetChildren().Select(child => child.Key).Except(known, StringComparer.OrdinalIgnoreCase)
            .Select(key => $"{values.Path}:{key} is not known: {values.Path} has {string.Join(", ", known.Order(StringComparer.Ordinal))}");

    private static IEnumerable<string> Broken(PropertyInfo property, object? value) =>
        from annotation in property.GetCustomAttributes<ValidationAttribute>()
        where !annotation.IsValid(value)
        select annotation is RangeAttribute range
            ? $"must be from {range.Minimum} to {range.Maximum}"
            : annotation.FormatErrorMessage(property.Name);

    private static string KindOf(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        { IsEnum: true } kind => $"one of {string.Join(", ", Enum.GetNames(kind))}",
        var kind when kind == typeof(TimeSpan) => "a time span, for example 00:00:30",
        var kind when kind == typeof(bool) => "true or false",
        var kind when kind == typeof(int) || kind == typeof(long) => "a whole number",
        var kind when kind == typeof(double) || kind == typeof(decimal) => "a number, for example 0.5",
        var kind when kind == typeof(Uri) => "an absolute URI",
        var kind => $"a {kind.Name}",
    };
}
