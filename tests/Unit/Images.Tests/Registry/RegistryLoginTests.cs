using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Registry;

public sealed class RegistryLoginTests
{
    private static readonly RegistryEndpoint Registry = RegistryHosts.Default("r.example:5000", false);
    private static readonly RegistryEndpoint Mirror = new() { Origin = new Uri("https://mirror.example") };

    [Theory]
    [InlineData(null, true, false)]
    [InlineData("", true, false)]
    [InlineData("r.example:5000", true, false)]
    [InlineData("https://R.EXAMPLE:5000/v2/", true, false)]
    [InlineData("r.example", false, false)]
    [InlineData("evil.example", false, false)]
    [InlineData("mirror.example", false, true)]
    [InlineData("https://mirror.example", false, true)]
    [InlineData("xmirror.example", false, false)]
    public void OnlyTheHostThatItIsForSeesIt(string? server, bool registry, bool mirror)
    {
        var login = RegistryLogin.From(new RegistryCredentials("u", "p", null, server, null, null));
        Assert.Equal(registry, !login.For(Registry).IsAnonymous);
        Assert.Equal(mirror, !login.For(Mirror).IsAnonymous);
    }

    [Theory]
    [InlineData("https://index.docker.io/v1/")]
    [InlineData("docker.io")]
    [InlineData("registry-1.docker.io")]
    public void DockerHubHasSeveralNames(string server)
    {
        var login = RegistryLogin.From(new RegistryCredentials("u", "p", null, server, null, null));
        Assert.False(login.For(RegistryHosts.Default("docker.io", false)).IsAnonymous);
        Assert.True(login.For(Registry).IsAnonymous);
    }

    [Theory]
    [InlineData("dTpw", "u", "p")]
    [InlineData("dTpwOnE=", "u", "p:q")]
    [InlineData("dTpwAAA=", "u", "p")]
    public void AuthIsBase64OfUserAndPassword(string auth, string user, string password)
    {
        var login = RegistryLogin.From(new RegistryCredentials(null, null, auth, null, null, null));
        Assert.Equal((user, password), (login.Username, login.Password));
    }

    [Theory]
    [InlineData("secret\r\nX-Other: 1")]
    [InlineData("secret\n")]
    [InlineData("sec ret")]
    [InlineData("secret\0")]
    [InlineData("s\u00e9cret")]
    public void ATokenThatNoHeaderMayHaveIsInvalidAndNotRepeated(string token)
    {
        var fault = Assert.Throws<RuntimeFault>(() => RegistryLogin.From(new RegistryCredentials(null, null, null, null, null, token)));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
        Assert.Contains("registry_token", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(token, fault.Message, StringComparison.Ordinal);
        Assert.Equal("abc.DEF-_~+/=", RegistryLogin.From(new RegistryCredentials(null, null, null, null, null, "abc.DEF-_~+/=")).RegistryToken);
    }

    [Theory]
    [InlineData("!!!")]
    [InlineData("dXNlcg==")]
    [InlineData("OnB3")]
    public void BadAuthIsInvalidAndNotRepeated(string auth)
    {
        var fault = Assert.Throws<RuntimeFault>(() => RegistryLogin.From(new RegistryCredentials(null, null, auth, null, null, null)));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
        Assert.DoesNotContain(auth, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SecretsStayOutOfText()
    {
        var login = RegistryLogin.From(new RegistryCredentials("user", "secret", null, null, "identity", "token"));
        Assert.Equal("login", login.ToString());
        Assert.True(RegistryLogin.From(null).IsAnonymous);
        Assert.True(RegistryLogin.From(new RegistryCredentials("", "", "", "", "", "")).IsAnonymous);
    }
}
