namespace EventShop.Hosting;

/// <summary>
/// What keeps a service from starting, in one line for whoever operates it: what it lacks and how to give it,
/// <c>database orders at localhost:5432: connection refused. Start PostgreSQL there, or set ConnectionStrings__orders</c>.
/// </summary>
public sealed class StartupException(string message, Exception? cause = null) : Exception(message, cause);
