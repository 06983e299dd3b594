using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.Hosting;

/// <summary>Options that are checked before the service starts.</summary>
public static class ServiceOptions
{
    /// <summary>
    /// Binds a configuration section and checks its validation attributes at start. A failure names the configuration key,
    /// the value and what is allowed: <c>The field Telemetry:SamplingRatio must be between 0 and 1, but is '7'.</c>
    /// </summary>
    /// <remarks>Values are printed: a secret must not carry a validation attribute other than <see cref="RequiredAttribute" />.</remarks>
    public static OptionsBuilder<TOptions> AddServiceOptions<TOptions>(this IServiceCollection services, string section)
        where TOptions : class
    {
        services.AddSingleton<IValidateOptions<TOptions>>(new Validator<TOptions>(section));
        return services.AddOptions<TOptions>().BindConfiguration(section).ValidateOnStart();
    }

    private sealed class Validator<TOptions>(string section) : IValidateOptions<TOptions> where TOptions : class
    {
        public ValidateOptionsResult Validate(string? name, TOptions options)
        {
            var failures = new List<string>();
            foreach (var property in typeof(TOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance))
            {
                var value = property.GetValue(options);
                var key = $"{section}:{property.Name}";
                failures.AddRange(property.GetCustomAttributes<ValidationAttribute>()
                    .Where(attribute => !attribute.IsValid(value))
                    .Select(attribute => $"{attribute.FormatErrorMessage(key).TrimEnd('.')}, but is '{value}'."));
            }

            return failures.Count > 0 ? ValidateOptionsResult.Fail(failures) : ValidateOptionsResult.Success;
        }
    }
}
