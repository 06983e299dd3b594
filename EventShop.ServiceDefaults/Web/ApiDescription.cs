using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace EventShop.ServiceDefaults;

/// <summary>Values that show what a body looks like, by the type of the body. A test posts those of requests.</summary>
public sealed class ApiExamples
{
    private readonly Dictionary<Type, object> values = [];

    /// <summary>Shows bodies declared as <typeparamref name="TBody"/>.</summary>
    public ApiExamples Add<TBody>(TBody value) where TBody : notnull
    {
        values[typeof(TBody)] = value;
        return this;
    }

    internal JsonNode? Find(Type? type, JsonSerializerOptions json) => type is not null && values.TryGetValue(type, out var value)
        ? JsonSerializer.SerializeToNode(value, json.GetTypeInfo(type))
        : null;
}

/// <summary>A problem document that an endpoint may answer. (A result's type does not tell the statuses of its problems.)</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class RefusesAttribute : ProducesResponseTypeAttribute
{
    /// <param name="status">The status.</param>
    /// <param name="when">When that is.</param>
    public RefusesAttribute(int status, string when)
        : base(typeof(ProblemDetails), status, ApiDescription.ProblemJson)
        => Description = when;
}

/// <summary>The OpenAPI document: what endpoints say of themselves, and what holds for all of them.</summary>
public static class ApiDescription
{
    internal const string ProblemJson = "application/problem+json";

    /// <summary>Adds the document that <c>MapOpenApi</c> serves.</summary>
    public static void AddApiDescription(this IHostApplicationBuilder builder, string title, string description, Action<ApiExamples> add)
    {
        var examples = new ApiExamples();
        add(examples);
        builder.Services.AddOpenApi(options => options
            .AddDocumentTransformer((document, _, _) =>
            {
                (document.Info.Title, document.Info.Description) = (title, description);
                OpenAnswers(document);
                return Task.CompletedTask;
            })
            .AddOperationTransformer((operation, context, _) =>
            {
                var json = context.ApplicationServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;
                var responses = operation.Responses ??= [];
                if (operation.RequestBody is { Content: { } content })
                {
                    var body = context.Description.ParameterDescriptions.First(parameter => parameter.Source.Id == "Body");
                    SetExample(content, examples.Find(body.Type, json));
                    Unreadable(responses, context);
                }

                foreach (var (status, response) in responses)
                {
                    Describe(int.Parse(status), (OpenApiResponse)response, context, examples, json);
                }

                return Task.CompletedTask;
            }));
    }

    /// <summary>A member that is unknown is refused in what is read. What is answered may gain members, and its readers skip them.</summary>
    private static void OpenAnswers(OpenApiDocument document)
    {
        var read = new HashSet<string>();
        foreach (var (_, operation) in document.Paths.SelectMany(path => path.Value.Operations ?? []))
        {
            foreach (var (_, media) in operation.RequestBody?.Content ?? new Dictionary<string, OpenApiMediaType>())
            {
                Collect(media.Schema);
            }
        }

        foreach (var (name, schema) in document.Components?.Schemas ?? new Dictionary<string, IOpenApiSchema>())
        {
            if (!read.Contains(name))
            {
                ((OpenApiSchema)schema).AdditionalPropertiesAllowed = true;
            }
        }

        void Collect(IOpenApiSchema? schema)
        {
            if (schema is null || (schema is OpenApiSchemaReference { Reference.Id: { } name } && !read.Add(name)))
            {
                return;
            }

            Collect(schema.Items);
            foreach (var part in (schema.Properties?.Values ?? []).Concat(schema.OneOf ?? []))
            {
                Collect(part);
            }
        }
    }

    /// <summary>What every endpoint with a body answers to one that it cannot read.</summary>
    private static void Unreadable(OpenApiResponses responses, OpenApiOperationTransformerContext context)
    {
        var problem = responses.TryGetValue("400", out var invalid) ? invalid.Content?[ProblemJson].Schema : null;
        Add(StatusCodes.Status400BadRequest, "The body is not JSON, or not of this shape.");
        Add(StatusCodes.Status413PayloadTooLarge, $"The body is larger than {ServerDefaults.MaxRequestBodyBytes} bytes.");
        Add(StatusCodes.Status415UnsupportedMediaType, "The body is not declared as application/json, is in another charset than UTF-8, or is compressed.");

        void Add(int status, string description) => responses.TryAdd(status.ToString(), new OpenApiResponse
        {
            Description = description,
            Content = new Dictionary<string, OpenApiMediaType>
            {
                [ProblemJson] = new OpenApiMediaType { Schema = problem ?? new OpenApiSchemaReference(nameof(ProblemDetails), context.Document) },
            },
        });
    }

    private static void Describe(
        int status, OpenApiResponse response, OpenApiOperationTransformerContext context, ApiExamples examples, JsonSerializerOptions json)
    {
        if (status == StatusCodes.Status400BadRequest)
        {
            response.Description = "The request is not valid: one entry for each bad field.";
        }

        var type = context.Description.SupportedResponseTypes.FirstOrDefault(supported => supported.StatusCode == status)?.Type;
        SetExample(response.Content, status < 400 || examples.Find(type, json) is not null
            ? examples.Find(type, json)
            : Problem(status, response.Description));
        if (status is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
        {
            AddHeader(response, "Retry-After", "Seconds after which to try again.");
        }

        if (status is StatusCodes.Status201Created or StatusCodes.Status202Accepted)
        {
            AddHeader(response, "Location", "Where to look it up.");
        }
    }

    private static JsonObject Problem(int status, string? detail)
    {
        var problem = new JsonObject { ["title"] = ReasonPhrases.GetReasonPhrase(status), ["status"] = status };
        if (status == StatusCodes.Status400BadRequest)
        {
            problem["errors"] = new JsonObject { ["field"] = new JsonArray("what it must be") };
        }
        else
        {
            problem["detail"] = detail;
        }

        return problem;
    }

    private static void SetExample(IDictionary<string, OpenApiMediaType>? content, JsonNode? example)
    {
        foreach (var media in content?.Values ?? [])
        {
            media.Example = example?.DeepClone();
        }
    }

    private static void AddHeader(OpenApiResponse response, string name, string description)
    {
        response.Headers ??= new Dictionary<string, IOpenApiHeader>();
        response.Headers[name] = new OpenApiHeader { Description = description, Schema = new OpenApiSchema { Type = JsonSchemaType.String } };
    }
}
