using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Registry;

public sealed class HostsFileTests
{
    private const string File = "/etc/certs.d/docker.io/hosts.toml";
    private static readonly RegistryEndpoint Hub = RegistryHosts.Default("docker.io", false);

    [Fact]
    public void MirrorsComeInOrderAndTheServerLast()
    {
        var hosts = HostsFile.Parse("""
            server = "https://registry-1.docker.io"
            [host."https://z.example:5000"]
              capabilities = ["pull", "resolve"]
            [host."http://a.example"]
              capabilities = ["pull"]
            [host."b.example/v2"]
              capabilities = ["push"]
            """, File, Hub);
        Assert.Equal(
            ["https://z.example:5000/", "http://a.example/", "https://b.example/", "https://registry-1.docker.io/"],
            hosts.Select(h => h.Origin.ToString()));
        Assert.Equal(
            [HostCapabilities.Pull | HostCapabilities.Resolve, HostCapabilities.Pull, HostCapabilities.None,
                HostCapabilities.Pull | HostCapabilities.Resolve],
            hosts.Select(h => h.Capabilities));
        Assert.Equal([false, false, false, true], hosts.Select(h => h.IsRegistry));
    }

    [Fact]
    public void WithoutAServerTheReferencesHostStandsLastWithTheSettingsAtTheTop()
    {
        var hosts = HostsFile.Parse("ca = \"own.crt\"\nskip_verify = true\n[host.\"https://m.example\"]\n", File, Hub);
        Assert.Equal("registry-1.docker.io", hosts[1].Authority);
        Assert.Equal(["/etc/certs.d/docker.io/own.crt"], hosts[1].CaFiles.AsEnumerable());
        Assert.True(hosts[1].SkipVerify);
        Assert.True(hosts[1].IsRegistry);
        Assert.False(hosts[0].SkipVerify);
    }

    [Fact]
    public void AnEmptyFileIsTheHostItself() => Assert.Equal(Hub.Authority, Assert.Single(HostsFile.Parse("", File, Hub)).Authority);

    [Theory]
    [InlineData("https://m.example", false, "/v2")]
    [InlineData("https://m.example/", false, "/v2")]
    [InlineData("https://m.example/v2", false, "/v2")]
    [InlineData("https://m.example/v2/", false, "/v2")]
    [InlineData("https://m.example/cache", false, "/cache/v2")]
    [InlineData("https://m.example/v2/cache", false, "/v2/cache/v2")]
    [InlineData("https://m.example/v2/cache", true, "/v2/cache")]
    [InlineData("https://m.example/cache/", true, "/cache")]
    [InlineData("https://m.example", true, "")]
    public void PathsGetV2UnlessOverridden(string url, bool overridden, string path)
    {
        var flag = overridden ? "true" : "false";
        Assert.Equal(path, HostsFile.Parse($"[host.\"{url}\"]\noverride_path = {flag}\n", File, Hub)[0].ApiPath);
    }

    [Fact]
    public void FilesMayBeOneOrSeveralAndRelative()
    {
        var host = HostsFile.Parse("""
            [host."https://m.example"]
            ca = ["a.crt", "/abs/b.crt"]
            client = ["one.pem", ["two.cert", "two.key"], ["three.pem", ""], ["four.pem"]]
            """, File, Hub)[0];
        Assert.Equal(["/etc/certs.d/docker.io/a.crt", "/abs/b.crt"], host.CaFiles.AsEnumerable());
        const string Dir = "/etc/certs.d/docker.io/";
        Assert.Equal(
            [new(Dir + "one.pem", null), new(
                Dir + "two.cert", Dir + "two.key"), new(Dir + "three.pem", null), new ClientCertificate(Dir + "four.pem", null)],
            host.ClientCertificates.AsEnumerable());
    }

    [Fact]
    public void HeadersMayBeOneOrSeveral()
    {
        var host = HostsFile.Parse("""
            [host."https://m.example"]
            [host."https://m.example".header]
              x-one = "1"
              x-two = ["a", "b"]
            """, File, Hub)[0];
        Assert.Equal([new("x-one", "1"), new("x-two", "a"), new KeyValuePair<string, string>("x-two", "b")], host.Headers.AsEnumerable());
    }

    [Theory]
    [InlineData("server = 1")]
    [InlineData("server = \"ftp://x\"")]
    [InlineData("server = \"https://user:pw@x\"")]
    [InlineData("host = \"x\"")]
    [InlineData("host.\"https://x\" = 1")]
    [InlineData("[host.\"https://x\"]\ncapabilities = [\"eat\"]")]
    [InlineData("[host.\"https://x\"]\ncapabilities = 1")]
    [InlineData("[host.\"https://x\"]\nskip_verify = \"yes\"")]
    [InlineData("[host.\"https://x\"]\nclient = [[\"a\",\"b\",\"c\"]]")]
    [InlineData("[host.\"https://x\"]\nca = [1]")]
    [InlineData("[host.\"https://x\".header]\n\"a b\" = \"c\"")]
    [InlineData("[host.\"https://x\".header]\nx = \"a\\nb\"")]
    [InlineData("not toml")]
    public void WhatIsWrongNamesTheFile(string text)
    {
        var fault = Assert.Throws<RuntimeFault>(() => HostsFile.Parse(text, File, Hub));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains(File, fault.Message, StringComparison.Ordinal);
    }
}
