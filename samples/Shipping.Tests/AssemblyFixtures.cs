using EventShop.Messaging.Testing;
using Shipping.Tests;

// One server for all tests; each test has a database of its own on it.
[assembly: AssemblyFixture(typeof(SharedPostgres))]

namespace Shipping.Tests;

/// <summary>The server that all tests share.</summary>
public sealed class SharedPostgres : PostgresServer, IAsyncLifetime;
