using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Registry;

public sealed class TlsTests : IAsyncLifetime
{
    private readonly TestRegistry _registry = new("localhost");
    private readonly TempDirectory _certs = new();
    private readonly ImageRoom _room;
    private readonly TestImage _image = new("tls", Packing.Gzip);
    private TlsFront? _front;

    public TlsTests()
    {
        _room = new ImageRoom(configure: o => o with { RegistryConfigDirectory = _certs.Path });
        _registry.Serve(_image);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _room.DisposeAsync();
        _front?.Dispose();
        _registry.Dispose();
        _certs.Dispose();
    }

    [Fact]
    public async Task AnAuthorityOfHostsTomlIsTrusted() => Assert.Equal(_image.Id, (await PullAsync("ca = \"../ca.crt\"")).Id);

    [Fact]
    public async Task DockersLayoutIsTrustedToo()
    {
        Front();
        var directory = Directory.CreateDirectory(Path.Combine(_certs.Path, $"localhost:{_front!.Port}")).FullName;
        File.Copy(Path.Combine(_certs.Path, "ca.crt"), Path.Combine(directory, "ca.crt"));
        Assert.Equal(_image.Id, (await _room.PullAsync($"localhost:{_front.Port}/test/app:v1")).Id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("skip_verify = false")]
    public async Task AnUnknownAuthorityIsNot(string settings) => await RefusedAsync(settings);

    [Fact]
    public async Task SkipVerifySkips() => Assert.Equal(_image.Id, (await PullAsync("skip_verify = true")).Id);

    [Fact]
    public async Task ACertificateForAnotherNameIsRefusedEvenFromATrustedAuthority() =>
        await RefusedAsync("ca = \"../ca.crt\"", "elsewhere.example");

    [Fact]
    public async Task TheClientCertificateIsShown()
    {
        await PullAsync("ca = \"../ca.crt\"\nclient = [[\"../client.cert\", \"../client.key\"]]", asksForClient: true);
        Assert.Equal("CN=client", _front!.SeenClient);
    }

    [Fact]
    public async Task AMissingCertificateFileIsNamed()
    {
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => PullAsync("ca = \"none.crt\""));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains("none.crt", fault.Message, StringComparison.Ordinal);
    }

    private async Task RefusedAsync(string settings, string certifiedName = "localhost")
    {
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => PullAsync(settings, certifiedName));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains("certificate", fault.Message, StringComparison.Ordinal);
        Assert.Empty(_registry.Requests);
    }

    private Task<ImageRecord> PullAsync(string settings, string certifiedName = "localhost", bool asksForClient = false)
    {
        Front(certifiedName, asksForClient);
        var directory = Directory.CreateDirectory(Path.Combine(_certs.Path, $"localhost_{_front!.Port}_")).FullName;
        File.WriteAllText(Path.Combine(directory, "hosts.toml"), $"server = \"https://localhost:{_front.Port}\"\n{settings}\n");
        return _room.PullAsync($"localhost:{_front.Port}/test/app:v1");
    }

    private void Front(string certifiedName = "localhost", bool asksForClient = false) =>
        _front = new TlsFront(_registry.Port, _certs.Path, certifiedName, asksForClient);
}
