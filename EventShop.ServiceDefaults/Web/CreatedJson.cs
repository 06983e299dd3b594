using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;

namespace EventShop.ServiceDefaults;

/// <summary>201 with <c>Location</c> and a JSON body whose length is known.</summary>
/// <remarks>
/// The framework's <c>Created</c> writes as it serializes: the end of its body follows in a packet of its own, which for an answer as
/// small as an order costs the service as much as all of its JSON. It also writes property by property, since its options are not those
/// that the code was generated for; with a type's own <see cref="JsonTypeInfo{T}"/> that code is used.
/// </remarks>
/// <param name="location">Where what was created is found.</param>
/// <param name="value">The body.</param>
/// <param name="json">How it is written, from a generated context whose names are as the API has them.</param>
public sealed class CreatedJson<TValue>(string location, TValue value, JsonTypeInfo<TValue> json) : IResult, IEndpointMetadataProvider
{
    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) =>
        builder.Metadata.Add(new ProducesResponseTypeMetadata(StatusCodes.Status201Created, typeof(TValue), ["application/json"]));

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(value, json);
        var response = httpContext.Response;
        response.StatusCode = StatusCodes.Status201Created;
        response.Headers.Location = location;
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = body.Length;
        return response.Body.WriteAsync(body).AsTask();
    }
}
