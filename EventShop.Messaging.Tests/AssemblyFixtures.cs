using EventShop.Messaging.Tests;

// One server for all tests; each test has databases of its own on it.
[assembly: AssemblyFixture(typeof(SharedPostgres))]

namespace EventShop.Messaging.Tests;

/// <summary>The server that all tests share.</summary>
public sealed class SharedPostgres : PostgresServer, IAsyncLifetime;
