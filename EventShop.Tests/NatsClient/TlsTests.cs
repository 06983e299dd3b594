using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EventShop.Tests.Servers;
using NATS.Client.Core;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class TlsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eventshop-tls-").FullName;

    public TlsTests()
    {
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var caRequest = new CertificateRequest("CN=EventShop test authority", caKey, HashAlgorithmName.SHA256);
        caRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        caRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        var now = TimeProvider.System.GetUtcNow();
        using var ca = caRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        File.WriteAllText(PathOf("ca.pem"), ca.ExportCertificatePem());
        Issue("server", ca);
        Issue("client", ca);

        void Issue(string name, X509Certificate2 issuer)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("localhost");
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            using var certificate = request.Create(issuer, now.AddDays(-1), now.AddDays(1), RandomNumberGenerator.GetBytes(8));
            File.WriteAllText(PathOf($"{name}.pem"), certificate.ExportCertificatePem());
            File.WriteAllText(PathOf($"{name}.key"), key.ExportPkcs8PrivateKeyPem());
        }
    }

    private string ServerTls => $$"""tls { cert_file: "{{PathOf("server.pem")}}", key_file: "{{PathOf("server.key")}}" }""";

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact(Timeout = Limit)]
    public async Task A_server_with_a_trusted_certificate_is_used_over_tls()
    {
        await using var server = await NatsServer.StartAsync(ServerTls);
        await using var connection = Connect(
            server.Url, opts => opts with { TlsOpts = new NatsTlsOpts { CaFile = PathOf("ca.pem") } });
        await using var sub = await connection.SubscribeCoreAsync<byte[]>("secret", cancellationToken: Ct);

        await connection.PublishAsync("secret", new byte[200_000], cancellationToken: Ct);

        Assert.Equal(200_000, (await sub.Msgs.ReadAsync(Ct)).Data!.Length);
        Assert.True(connection.ServerInfo!.TlsRequired);
    }

    [Fact(Timeout = Limit)]
    public async Task A_tls_connection_is_made_again()
    {
        await using var server = await NatsServer.StartAsync(ServerTls);
        await using var connection = Connect(
            server.Url, opts => opts with { TlsOpts = new NatsTlsOpts { CaFile = PathOf("ca.pem") } });
        await using var sub = await connection.SubscribeCoreAsync<int>("secret", cancellationToken: Ct);

        server.Kill();
        await Eventually.True("the loss is noticed", () => connection.ConnectionState == NatsConnectionState.Reconnecting);
        await server.RestartAsync();
        await connection.PublishAsync("secret", 1, cancellationToken: Ct);

        Assert.Equal(1, (await sub.Msgs.ReadAsync(Ct)).Data);
    }

    [Fact(Timeout = Limit)]
    public async Task An_unknown_authority_is_refused_unless_told_to_skip()
    {
        await using var server = await NatsServer.StartAsync(ServerTls);
        await using var careful = Connect(server.Url);
        await Assert.ThrowsAsync<NatsException>(async () => await careful.ConnectAsync());

        await using var careless = Connect(
            server.Url, opts => opts with { TlsOpts = new NatsTlsOpts { InsecureSkipVerify = true } });
        await careless.ConnectAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_client_certificate_is_shown_when_the_server_wants_one()
    {
        await using var server = await NatsServer.StartAsync(ServerTls.Replace(
            "tls {", $$"""tls { verify: true, ca_file: "{{PathOf("ca.pem")}}", """, StringComparison.Ordinal));
        await using var known = Connect(
            server.Url,
            opts => opts with
            {
                TlsOpts = new NatsTlsOpts { CaFile = PathOf("ca.pem"), CertFile = PathOf("client.pem"), KeyFile = PathOf("client.key") },
            });
        await known.ConnectAsync();

        await using var unknown = Connect(
            server.Url, opts => opts with { TlsOpts = new NatsTlsOpts { CaFile = PathOf("ca.pem") } });
        await Assert.ThrowsAsync<NatsException>(async () => await unknown.ConnectAsync());
    }

    [Fact(Timeout = Limit)]
    public async Task Tls_is_neither_given_up_nor_taken_up_against_the_options()
    {
        await using var plain = await NatsServer.StartAsync();
        await using var demanding = Connect(
            plain.Url, opts => opts with { TlsOpts = new NatsTlsOpts { Mode = TlsMode.Require } });
        await Assert.ThrowsAsync<NatsException>(async () => await demanding.ConnectAsync());
        await using var bySchema = Connect(plain.Url.Replace("nats:", "tls:", StringComparison.Ordinal));
        await Assert.ThrowsAsync<NatsException>(async () => await bySchema.ConnectAsync());

        await using var secured = await NatsServer.StartAsync(ServerTls);
        await using var refusing = Connect(
            secured.Url, opts => opts with { TlsOpts = new NatsTlsOpts { Mode = TlsMode.Disable } });
        await Assert.ThrowsAsync<NatsException>(async () => await refusing.ConnectAsync());
    }

    private string PathOf(string file) => Path.Combine(_folder, file);
}
