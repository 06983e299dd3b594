namespace EventShop.Messaging.Testing;

/// <summary>Waits for a condition instead of for time, and says what it waited for when it never came true.</summary>
public static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Waits until the condition holds. An exception counts as "not yet" and is told at the end.</summary>
    public static Task True(string what, Func<bool> condition, TimeSpan? timeout = null) =>
        Value(what, () => Task.FromResult(condition()), held => held, timeout);

    /// <summary>Waits until the condition holds. An exception counts as "not yet" and is told at the end.</summary>
    public static Task True(string what, Func<Task<bool>> condition, TimeSpan? timeout = null) =>
        Value(what, condition, held => held, timeout);

    /// <summary>Waits until a value is as wished, and returns it.</summary>
    public static async Task<T> Value<T>(string what, Func<Task<T>> read, Func<T, bool> isWished, TimeSpan? timeout = null)
    {
        var started = TimeProvider.System.GetTimestamp();
        var last = "nothing was read";
        Exception? failure = null;
        do
        {
            try
            {
                var value = await read();
                if (isWished(value))
                {
                    return value;
                }

                last = $"last seen: {value}";
                failure = null;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                last = $"last error: {e.Message}";
                failure = e;
            }

            await Task.Delay(Pause);
        }
        while (TimeProvider.System.GetElapsedTime(started) < (timeout ?? Patience));

        throw new TimeoutException($"Waited {timeout ?? Patience} in vain for: {what} ({last})", failure);
    }
}
