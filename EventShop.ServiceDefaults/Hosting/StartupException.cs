namespace Microsoft.Extensions.Hosting;

/// <summary>
/// What keeps a service from starting, in one line for whoever operates it: what it lacks and how to give it,
/// <c>database: cannot reach localhost:5432 (ConnectionStrings:orders)</c>.
/// </summary>
public sealed class StartupException(string message, Exception? cause = null) : Exception(message, cause);
