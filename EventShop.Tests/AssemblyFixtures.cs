using EventShop.Messaging.Testing;
using EventShop.Tests;

// One server for all tests; each test has databases of its own on it.
[assembly: AssemblyFixture(typeof(SharedPostgres))]

namespace EventShop.Tests;

/// <summary>The server that all tests share.</summary>
public sealed class SharedPostgres : PostgresServer, IAsyncLifetime;
