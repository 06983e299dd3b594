using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.Hosting;

namespace EventShop.ServiceDefaults;

/// <summary>
/// Stops the listener as soon as the service is told to stop. Requests that are being handled get <see cref="Limit"/> to finish, then their
/// connections are cut: a client that sends half a request, or a database that does not answer, would hold the stop up for the host's whole
/// shutdown timeout.
/// </summary>
internal sealed class ListenerDrain(IServer server, IHostApplicationLifetime lifetime) : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _cut = new();
    private CancellationTokenRegistration _whenStopping;
    private Task _draining = Task.CompletedTask;

    /// <summary>Not before it listens: a server that is stopped before it starts throws when it is started.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        _whenStopping = lifetime.ApplicationStopping.Register(() =>
        {
            _cut.CancelAfter(Limit);
            _draining = server.StopAsync(_cut.Token);
        });
        return Task.CompletedTask;
    }

    /// <summary>The host stops the server too, and waits for the same end.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _draining;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _whenStopping.Dispose();
        _cut.Dispose();
    }
}
