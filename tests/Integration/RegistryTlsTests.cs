using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>HTTPS registries by hosts.toml: an authority of the operator's own, client certificates, skip_verify.</summary>
public sealed class RegistryTlsTests(DaemonFixture daemon) : NodeTest(daemon), IDisposable
{
    private readonly TestCertificates _certificates = new();

    protected override bool LeavesLeases => true;

    public void Dispose() => _certificates.Dispose();

    [Fact]
    public async Task AnUnknownAuthorityIsRefusedAndTheSentenceSaysWhatIsWrong()
    {
        await using var registry = await StartAsync();
        var pushed = await PushAsync(registry);
        WriteHosts(registry, "");
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => Daemon.PullAsync(pushed.Reference), registry.Host, "certificate", "hosts.toml");
        using var other = new TestCertificates();
        WriteHosts(registry, $"ca = \"{other.Authority}\"\n");
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => Daemon.PullAsync(pushed.Reference), registry.Host, "certificate", "hosts.toml");
    }

    [Theory]
    [InlineData("server")]
    [InlineData("host")]
    [InlineData("relative")]
    [InlineData("skip_verify")]
    public async Task TheOperatorsSettingsAreTaken(string way)
    {
        await using var registry = await StartAsync();
        var pushed = await PushAsync(registry);
        var ca = $"ca = \"{_certificates.Authority}\"\n";
        WriteHosts(registry, way switch
        {
            "server" => ca,
            "host" => $"[host.\"{registry.Address}\"]\n{ca}",
            "relative" => "ca = [\"our-ca.crt\"]\n",
            _ => "skip_verify = true\n",
        });
        File.Copy(_certificates.Authority, Path.Combine(World.RegistryConf, registry.Host, "our-ca.crt"));
        Assert.Equal(pushed.ConfigDigest, await Daemon.PullAsync(pushed.Reference));
    }

    [Fact]
    public async Task AClientCertificateIsShownWhereItIsSet()
    {
        await using var registry = await StartAsync(new RegistryOptions { Tls = _certificates, ClientCertificates = true });
        var pushed = await PushAsync(registry);
        var ca = $"ca = \"{_certificates.Authority}\"\n";
        WriteHosts(registry, ca);
        await Faults.ExpectAsync(StatusCode.Unavailable, () => Daemon.PullAsync(pushed.Reference), registry.Host);
        WriteHosts(registry, $"{ca}client = [[\"{_certificates.Client.Certificate}\", \"{_certificates.Client.Key}\"]]\n");
        Assert.Equal(pushed.ConfigDigest, await Daemon.PullAsync(pushed.Reference));
    }

    [Fact]
    public async Task AHostEntryOfTheRegistryItselfGetsTheRequestsCredentials()
    {
        var options = new RegistryOptions { Tls = _certificates, Basic = ("user", "secret") };
        await using var registry = await StartAsync(options);
        var pushed = await PushAsync(registry);
        // What containerd's documentation shows for a private registry: the certificate stands with the host, not with the server.
        WriteHosts(registry, $"[host.\"{registry.Address}\"]\n  ca = \"{_certificates.Authority}\"\n");
        var pull = new PullImageRequest
        {
            Image = new ImageSpec { Image = pushed.Reference }, Auth = new AuthConfig { Username = "user", Password = "secret" },
        };
        Assert.Equal(pushed.ConfigDigest, (await Images.PullImageAsync(pull)).ImageRef);
    }

    private static Task<PushedImage> PushAsync(Registry registry) =>
        new ImageBuilder().Layer(new LayerBuilder().File("tls", registry.Host)).PushAsync(registry, "tls/app");

    private Task<Registry> StartAsync(RegistryOptions? options = null) =>
        Registry.StartAsync("tls", options ?? new RegistryOptions { Tls = _certificates });

    private void WriteHosts(Registry registry, string settings)
    {
        var directory = Directory.CreateDirectory(Path.Combine(World.RegistryConf, registry.Host)).FullName;
        File.WriteAllText(Path.Combine(directory, "hosts.toml"), $"server = \"{registry.Address}\"\n{settings}");
    }
}
