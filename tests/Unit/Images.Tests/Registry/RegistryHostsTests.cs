using ShimRuntime.Images.Tests.Support;
using Xunit;

namespace ShimRuntime.Images.Tests.Registry;

public sealed class RegistryHostsTests : IDisposable
{
    private readonly TempDirectory _certs = new();

    [Theory]
    [InlineData("docker.io", "https://registry-1.docker.io/")]
    [InlineData("quay.io", "https://quay.io/")]
    [InlineData("registry.example:5000", "https://registry.example:5000/")]
    [InlineData("localhost", "http://localhost/")]
    [InlineData("localhost:5000", "http://localhost:5000/")]
    [InlineData("localhost:443", "https://localhost/")]
    [InlineData("127.0.0.1:5000", "http://127.0.0.1:5000/")]
    [InlineData("127.8.8.8:5000", "http://127.8.8.8:5000/")]
    [InlineData("[::1]:5000", "http://[::1]:5000/")]
    [InlineData("localhost.example:5000", "https://localhost.example:5000/")]
    public void OnlyTheLoopbackIsPlain(string host, string origin) =>
        Assert.Equal(origin, Assert.Single(new RegistryHosts("").For(host)).Origin.ToString());

    [Theory]
    [InlineData("r.example_5000_", "r.example:5000", true)]
    [InlineData("r.example:5000", "r.example:5000", true)]
    [InlineData("r.example", "r.example", true)]
    [InlineData("r.example", "r.example:5000", false)]
    [InlineData("_default", "anything.example:1", true)]
    public void DirectoriesAreNamedAsContainerdNamesThem(string directory, string host, bool found)
    {
        Write(Path.Combine(directory, "hosts.toml"), "server = \"https://found.example\"\n");
        Assert.Equal(found ? "found.example" : host, Assert.Single(new RegistryHosts(_certs.Path).For(host)).Authority);
    }

    [Fact]
    public void AHostsOwnDirectoryComesBeforeTheDefault()
    {
        Write("_default/hosts.toml", "server = \"https://default.example\"\n");
        Write("r.example/hosts.toml", "server = \"https://own.example\"\n");
        Assert.Equal("own.example", new RegistryHosts(_certs.Path).For("r.example")[0].Authority);
    }

    [Fact]
    public void DockersLayoutIsTakenWithoutHostsToml()
    {
        Write("localhost:5000/ca.crt", "");
        Write("localhost:5000/client.cert", "");
        var endpoint = Assert.Single(new RegistryHosts(_certs.Path).For("localhost:5000"));
        Assert.Equal("https", endpoint.Origin.Scheme);
        Assert.EndsWith("localhost:5000/ca.crt", Assert.Single(endpoint.CaFiles), StringComparison.Ordinal);
        Assert.EndsWith("client.key", Assert.Single(endpoint.ClientCertificates).KeyFile!, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileIsReadAnewForEachPull()
    {
        var hosts = new RegistryHosts(_certs.Path);
        Assert.Equal("r.example", hosts.For("r.example")[0].Authority);
        Write("r.example/hosts.toml", "server = \"https://new.example\"\n");
        Assert.Equal("new.example", hosts.For("r.example")[0].Authority);
    }

    public void Dispose() => _certs.Dispose();

    private void Write(string name, string text)
    {
        var path = Path.Combine(_certs.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
