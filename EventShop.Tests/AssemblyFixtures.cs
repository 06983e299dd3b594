using EventShop.Tests.Servers;

// One server for all tests; each test has databases of its own on it.
[assembly: AssemblyFixture(typeof(PostgresServer))]
