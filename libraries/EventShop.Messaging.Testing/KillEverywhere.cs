namespace EventShop.Messaging.Testing;

/// <summary>Kills a service at every step between which a crash matters, and checks each time that nothing is lost and nothing happens twice.</summary>
public static class KillEverywhere
{
    /// <summary>The steps of a handler that appends events in a transaction of its own, in their order, and of the relay.</summary>
    public static IReadOnlyList<string> Steps { get; } =
        ["consumer.before-handle", "inbox.recorded", "outbox.appended", "consumer.before-ack", "relay.after-claim", "relay.after-publish"];

    /// <summary>
    /// For each step: starts the service so that it dies there, has it do something, waits until it is dead, starts it again, and waits until what it
    /// did holds, for a while, with another life behind it.
    /// </summary>
    /// <param name="project">See <see cref="ServiceProcess.Start"/>.</param>
    /// <param name="environment">The service's environment.</param>
    /// <param name="act">Gives the service something to do: publishes an event, for example. Gets the step.</param>
    /// <param name="check">Whether it has been done, and once. Gets the step.</param>
    /// <param name="steps">The steps; by default <see cref="Steps"/>.</param>
    /// <exception cref="InvalidOperationException">It never came to a step, or what it did does not hold; says where.</exception>
    public static async Task RunAsync(
        string project, IReadOnlyDictionary<string, string?> environment, Func<string, Task> act, Func<string, Task<bool>> check,
        IReadOnlyList<string>? steps = null)
    {
        foreach (var step in steps ?? Steps)
        {
            await using (var service = await ServiceProcess.Start(project, environment, killAt: step))
            {
                await act(step);
                try
                {
                    await service.Exited(TimeSpan.FromSeconds(30));
                }
                catch (TimeoutException e)
                {
                    throw new InvalidOperationException($"it never came to {step}:\n{service.Output}", e);
                }
            }

            await using var next = await ServiceProcess.Start(project, environment);
            try
            {
                await Eventually.True($"killed at {step}, it is done once", () => check(step), TimeSpan.FromSeconds(30));
            }
            catch (TimeoutException e)
            {
                throw new InvalidOperationException(e.Message, e);
            }
            // What is done a second time is done when it is done: a stop hands back or finishes what is in hand.
            await next.Terminate();
            if (!await check(step))
                throw new InvalidOperationException($"killed at {step}, it is done more than once");
        }
    }
}
