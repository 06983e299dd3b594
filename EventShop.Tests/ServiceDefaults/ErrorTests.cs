using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace EventShop.Tests.ServiceDefaults;

public sealed class ErrorTests
{
    [Fact]
    public async Task An_unhandled_exception_is_a_problem_document_without_its_text()
    {
        await using var app = await TestApp.Start(map: app => app.MapGet("/fails", string () => throw new InvalidOperationException("password=hunter2")));

        using var answer = await app.Client.GetAsync("/fails", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.DoesNotContain("hunter2", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.False(answer.Headers.Contains("Server"));
    }

    [Theory]
    [InlineData("/orders/not-a-number", HttpStatusCode.BadRequest, "id")]
    [InlineData("/nowhere", HttpStatusCode.NotFound, "Not Found")]
    public async Task A_client_error_says_what_is_wrong(string path, HttpStatusCode status, string mentions)
    {
        await using var app = await TestApp.Start(map: app => app.MapGet("/orders/{id}", (int id) => TypedResults.Ok(id)));

        using var answer = await app.Client.GetAsync(path, TestContext.Current.CancellationToken);

        Assert.Equal(status, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Contains(mentions, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
