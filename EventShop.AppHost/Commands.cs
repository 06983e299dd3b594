using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace EventShop.AppHost;

/// <summary>What can be done to the shop from the dashboard, or by the CLI: <c>aspire resource order-service place-orders</c>.</summary>
internal static class Commands
{
    private const int Orders = 100;
    private const int OneDeclinedIn = 10;
    private const int Customers = 8;

    public static IResourceBuilder<ProjectResource> WithPlaceOrders(this IResourceBuilder<ProjectResource> orderService) => orderService.WithCommand(
        "place-orders", $"Place {Orders} orders", context => PlaceAsync(orderService.GetEndpoint("http"), context),
        new CommandOptions
        {
            Description = $"Places {Orders} orders, one in {OneDeclinedIn} with a card that is declined.",
            IconName = "AddCircle",
            IsHighlighted = true,
            UpdateState = context => context.ResourceSnapshot.State?.Text == KnownResourceStates.Running ? ResourceCommandState.Enabled : ResourceCommandState.Disabled,
        });

    public static IResourceBuilder<ProjectResource> WithRedrive(this IResourceBuilder<ProjectResource> service) => service
        .WithPost(
            "/dead-letters/redrive", "redrive", "Redrive dead letters", "ArrowRepeatAll", "Publishes again what this service could not handle.",
            answer => $"{answer.GetProperty("redriven").GetInt32()} dead letters were published again.")
        .WithPost(
            "/parked-events/resend", "resend", "Resend parked events", "Send", "Sends again what the broker has refused.",
            answer => $"{answer.GetProperty("resent").GetInt32()} parked events are sent again.");

    private static IResourceBuilder<ProjectResource> WithPost(
        this IResourceBuilder<ProjectResource> service, string path, string name, string text, string icon, string description,
        Func<JsonElement, string> result) => service.WithHttpCommand(
        path, text, commandName: name,
        commandOptions: new HttpCommandOptions { Description = description, IconName = icon, GetCommandResult = context => ResultAsync(context, result) });

    public static IResourceBuilder<ProjectResource> WithDownAndUp(this IResourceBuilder<ProjectResource> gateway) => gateway
        .WithChaos("down", "Gateway down", "PlugDisconnected", down: true, "The gateway answers 503 from now on: payments wait, orders are taken.")
        .WithChaos("up", "Gateway up", "PlugConnected", down: false, "The gateway works again: what waited is paid.");

    private static IResourceBuilder<ProjectResource> WithChaos(
        this IResourceBuilder<ProjectResource> gateway, string name, string text, string icon, bool down, string result) => gateway.WithHttpCommand(
        "/chaos", text, commandName: name,
        commandOptions: new HttpCommandOptions
        {
            Method = HttpMethod.Put,
            IconName = icon,
            IsHighlighted = true,
            PrepareRequest = context =>
            {
                context.Request.Content = JsonContent.Create(new { down });
                return Task.CompletedTask;
            },
            GetCommandResult = context => ResultAsync(context, _ => result),
        });

    private static async Task<ExecuteCommandResult> PlaceAsync(EndpointReference orderService, ExecuteCommandContext context)
    {
        using var http = context.Services.GetRequiredService<IHttpClientFactory>().CreateClient();
        var (placed, refusal) = (0, "");
        await Parallel.ForAsync(0, Orders, new ParallelOptions { MaxDegreeOfParallelism = Customers, CancellationToken = context.CancellationToken }, async (i, cancellationToken) =>
        {
            try
            {
                using var response = await http.PostAsJsonAsync(
                    $"{orderService.Url}/orders",
                    new
                    {
                        customerId = "dashboard",
                        items = new[] { new { sku = "SKU-1", quantity = 1 + (i % 3) } },
                        paymentToken = i % OneDeclinedIn == 0 ? "tok_declined" : "tok_ok",
                    },
                    cancellationToken);
                response.EnsureSuccessStatusCode();
                Interlocked.Increment(ref placed);
            }
            catch (HttpRequestException e)
            {
                refusal = $" The last that failed: {e.Message}";
            }
        });
        var result = $"{placed} of {Orders} orders were placed.{refusal}";
        return placed == Orders ? CommandResults.Success(result) : CommandResults.Failure(result);
    }

    private static async Task<ExecuteCommandResult> ResultAsync(HttpCommandResultContext context, Func<JsonElement, string> text) =>
        context.Response.IsSuccessStatusCode
            ? CommandResults.Success(text(await context.Response.Content.ReadFromJsonAsync<JsonElement>(context.CancellationToken)))
            : CommandResults.Failure($"The service answered {(int)context.Response.StatusCode}.");
}
