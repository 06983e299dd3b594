using System.Collections.Concurrent;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using EventShop.Tests.Servers;
using Microsoft.Extensions.DependencyInjection;

namespace EventShop.Tests.AspireHosting;

/// <summary>Several processes of one project behind one address.</summary>
public sealed class ReplicaTests(PostgresServer postgres)
{
    [Fact]
    public async Task Replicas_answer_on_one_port()
    {
        var token = TestContext.Current.CancellationToken;
        var builder = Applications.CreateBuilder();
        builder.AddProject<Projects.OrderService>("order-service").WithReplicas(2)
            .WithEnvironment("ConnectionStrings__orders", postgres.NewDatabase()).WithHttpHealthCheck("/alive");
        builder.Services.AddHttpClient();
        await using var application = builder.Build();
        await application.StartAsync(token);
        await application.ResourceNotifications.WaitForResourceHealthyAsync("order-service", token);

        var instances = new ConcurrentDictionary<string, string?>();
        await application.ResourceNotifications.WaitForResourceAsync("order-service", e =>
        {
            instances[e.ResourceId] = e.Snapshot.State?.Text;
            return instances.Count == 2 && instances.Values.All(s => s == KnownResourceStates.Running);
        }, token);

        var address = application.GetEndpoint("order-service", "http");
        await Eventually.True("every connection is answered", async () =>
        {
            for (var i = 0; i < 10; i++)
            {
                // A client of its own: the next connection, and with it the next replica.
                using var client = new HttpClient { BaseAddress = address };
                using var response = await client.GetAsync("/alive", token);
                if (!response.IsSuccessStatusCode)
                    return false;
            }
            return true;
        });
    }
}
