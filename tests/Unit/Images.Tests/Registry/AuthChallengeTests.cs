using Xunit;

namespace ShimRuntime.Images.Tests.Registry;

public sealed class AuthChallengeTests
{
    [Fact]
    public void ReadsABearerChallenge()
    {
        var challenge = Assert.Single(AuthChallenge.Parse(
            "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:library/busybox:pull,push\""));
        Assert.True(challenge.IsBearer);
        Assert.Equal("https://auth.docker.io/token", challenge.Realm);
        Assert.Equal("registry.docker.io", challenge.Service);
        Assert.Equal("repository:library/busybox:pull,push", challenge.Scope);
    }

    [Theory]
    [InlineData("Basic realm=\"x\"")]
    [InlineData("basic realm=x")]
    [InlineData("BASIC   realm = \"x\"")]
    [InlineData("  Basic realm=\"x\" ,")]
    public void ReadsBasicInAnyDress(string header)
    {
        var challenge = Assert.Single(AuthChallenge.Parse(header));
        Assert.True(challenge.IsBasic);
        Assert.Equal("x", challenge.Realm);
    }

    [Fact]
    public void ReadsSeveralChallengesOfOneLine()
    {
        var challenges = AuthChallenge.Parse("Negotiate, Basic realm=\"a, \\\"b\\\"\", Bearer realm=\"https://t\" , scope=\"\"");
        Assert.Equal(["Negotiate", "Basic", "Bearer"], challenges.Select(c => c.Scheme));
        Assert.Equal("a, \"b\"", challenges[1].Realm);
        Assert.Equal("", challenges[2].Scope);
    }

    [Fact]
    public void TheFirstOfTwoEqualParametersCounts() =>
        Assert.Equal("https://a", AuthChallenge.Parse("Bearer realm=\"https://a\",REALM=\"https://b\"")[0].Realm);

    [Theory]
    [InlineData("")]
    [InlineData(",,,")]
    [InlineData("=")]
    [InlineData("\"")]
    [InlineData("Bearer realm=\"unterminated")]
    [InlineData("Bearer realm=")]
    [InlineData("Bearer =x")]
    public void GarbageNeverThrows(string header) => Assert.True(AuthChallenge.Parse(header).Count <= 2);

    [Fact]
    public void AHugeHeaderIsIgnored() => Assert.Empty(AuthChallenge.Parse("Bearer " + new string('a', 100_000)));
}
