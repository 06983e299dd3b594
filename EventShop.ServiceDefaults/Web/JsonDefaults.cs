using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EventShop.ServiceDefaults;

internal static class JsonDefaults
{
    /// <summary>
    /// A body is read as the API describes it, or refused. What could be meant in two ways is not guessed at: a member given twice, one that is
    /// unknown or spelled in another case, a number as a string.
    /// </summary>
    public static void AddStrictJson(this IHostApplicationBuilder builder) => builder.Services.ConfigureHttpJsonOptions(json =>
    {
        json.SerializerOptions.AllowDuplicateProperties = false;
        json.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        json.SerializerOptions.PropertyNameCaseInsensitive = false;
        json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
    });
}
