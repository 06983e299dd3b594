namespace EventShop.Messaging.Testing;

/// <summary>Kills a service at every step between which a crash matters, and checks each time that nothing is lost and nothing happens twice.</summary>
public static class KillEverywhere
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>The steps of a handler that appends events in a transaction of its own, in their order, and of the relay.</summary>
    public static IReadOnlyList<string> Steps { get; } =
        ["consumer.before-handle", "inbox.recorded", "outbox.appended", "consumer.before-ack", "relay.after-claim", "relay.after-publish"];

    /// <summary>
    /// For each step: starts the service so that it dies there, has it do something, waits until it is dead, starts it again, and waits until it is
    /// done. After the last: starts it once more, and sees that all of it stays done once.
    /// </summary>
    /// <remarks>
    /// A message that a killed process held comes again after the consumer's <c>AckWait</c>, an event that it held after the outbox's <c>Claim</c>.
    /// Set both to a few seconds, so that this takes less time and <paramref name="settle"/> outlasts them.
    /// </remarks>
    /// <param name="project">See <see cref="ServiceProcess.Start"/>.</param>
    /// <param name="environment">The service's environment.</param>
    /// <param name="act">Gives the service something to do: publishes an event, for example. Gets the step.</param>
    /// <param name="check">Whether it has been done, and once. Gets the step.</param>
    /// <param name="steps">The steps; by default <see cref="Steps"/>.</param>
    /// <param name="settle">For how long it has to stay done, after the last step; by default 15 seconds.</param>
    /// <exception cref="InvalidOperationException">It never came to a step, or what it did does not hold; says where.</exception>
    public static async Task RunAsync(
        string project, IReadOnlyDictionary<string, string?> environment, Func<string, Task> act, Func<string, Task<bool>> check,
        IReadOnlyList<string>? steps = null, TimeSpan? settle = null)
    {
        steps ??= Steps;
        foreach (var step in steps)
        {
            await using (var service = await ServiceProcess.Start(project, environment, killAt: step))
            {
                try
                {
                    await act(step);
                }
                catch (Exception) when (service.HasExited)
                {
                    // Whatever it asked the service for: the answer is what the kill took.
                }
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

        await using var last = await ServiceProcess.Start(project, environment);
        var started = TimeProvider.System.GetTimestamp();
        do
        {
            foreach (var step in steps)
                if (!await check(step))
                    throw new InvalidOperationException($"killed at {step}, it is done once, and later once more");
            await Task.Delay(Pause);
        }
        while (TimeProvider.System.GetElapsedTime(started) < (settle ?? Settle));
    }
}
