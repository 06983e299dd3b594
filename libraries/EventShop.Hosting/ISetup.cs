namespace EventShop.Hosting;

/// <summary>
/// What a service needs to find before it can run, and what a deployment makes for it by running it with the argument <c>setup</c>:
/// its schema, its streams, its consumers. It takes rights that the running service then need not have.
/// </summary>
public interface ISetup
{
    /// <summary>Makes it, or brings it up to date. Run twice, or by two at a time, it does the same as once.</summary>
    /// <exception cref="StartupException">It cannot; says what is missing.</exception>
    Task RunAsync(CancellationToken cancellationToken);
}
