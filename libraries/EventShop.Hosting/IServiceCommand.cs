namespace EventShop.Hosting;

/// <summary>What a service's program can do besides running the service: <c>dotnet OrderService.dll dead-letters list</c>.</summary>
public interface IServiceCommand
{
    /// <summary>The first word of the command line.</summary>
    string Name { get; }

    /// <summary>What it does, and with which arguments, in one line.</summary>
    string Usage { get; }

    /// <param name="arguments">The command line after the first word.</param>
    /// <param name="output">What is told on stdout.</param>
    /// <param name="cancellationToken">Cancelled by Ctrl+C.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="StartupException">It cannot, or the arguments are wrong; says why in one line.</exception>
    Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, CancellationToken cancellationToken);
}
