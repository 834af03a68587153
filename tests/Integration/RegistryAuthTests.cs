using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Bearer tokens: a real registry behind a token server that checks credentials and signs.</summary>
public sealed class RegistryAuthTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private static readonly AuthConfig Robot = new() { Username = TokenServer.User, Password = TokenServer.Password };

    protected override bool LeavesLeases => true;

    [Fact]
    public async Task AnonymousClientsPullWhatIsPublicWithOneTokenForAllOfIt()
    {
        await using var site = await StartAsync();
        var pushed = await Image("public").PushAsync(site.Registry, "public/app");
        Assert.Equal(pushed.ConfigDigest, await Daemon.PullAsync(pushed.Reference));
        Assert.Equal([("", "repository:public/app:pull")], site.Tokens.Asked);
    }

    [Fact]
    public async Task ThePrivateTakesTheRequestsCredentials()
    {
        await using var site = await StartAsync();
        var pushed = await Image("private").PushAsync(site.Registry, "private/app");
        await Faults.ExpectAsync(StatusCode.Unauthenticated, () => Daemon.PullAsync(pushed.Reference), site.Registry.Host);
        var wrong = new AuthConfig { Username = TokenServer.User, Password = "guess" };
        await Faults.ExpectAsync(StatusCode.Unauthenticated, () => PullAsync(pushed, wrong), site.Tokens.Host);
        Assert.Equal(pushed.ConfigDigest, await PullAsync(pushed, Robot));
        Assert.Contains((TokenServer.User, "repository:private/app:pull"), site.Tokens.Asked);
        var log = await File.ReadAllTextAsync(Daemon.DaemonLog);
        Assert.DoesNotContain(TokenServer.Password, log, StringComparison.Ordinal);
        Assert.DoesNotContain("guess", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnIdentityTokenIsExchanged()
    {
        await using var site = await StartAsync();
        var pushed = await Image("identity").PushAsync(site.Registry, "private/identity");
        Assert.Equal(pushed.ConfigDigest, await PullAsync(pushed, new AuthConfig { IdentityToken = TokenServer.RefreshToken }));
        Assert.Equal([(TokenServer.User, "repository:private/identity:pull")], site.Tokens.Asked);
        await RemoveAsync(pushed);
        await Faults.ExpectAsync(StatusCode.Unauthenticated, () => PullAsync(pushed, new AuthConfig { IdentityToken = "stolen" }), site.Tokens.Host);
    }

    [Fact]
    public async Task ARegistryTokenGoesToTheRegistryAsItIs()
    {
        await using var site = await StartAsync();
        var pushed = await Image("token").PushAsync(site.Registry, "private/token");
        Assert.Equal(pushed.ConfigDigest, await PullAsync(pushed, new AuthConfig { RegistryToken = site.Tokens.Mint("private/token", "pull") }));
        await RemoveAsync(pushed);
        var forAnother = new AuthConfig { RegistryToken = site.Tokens.Mint("private/other", "pull") };
        await Faults.ExpectAsync(StatusCode.Unauthenticated, () => PullAsync(pushed, forAnother), site.Registry.Host);
        Assert.Empty(site.Tokens.Asked);
    }

    [Fact]
    public async Task ATokenOfAStrangersKeyIsNoUse()
    {
        await using var site = await StartAsync();
        await using var stranger = new TokenServer();
        var pushed = await Image("stranger").PushAsync(site.Registry, "private/stranger");
        var forged = new AuthConfig { RegistryToken = stranger.Mint("private/stranger", "pull") };
        await Faults.ExpectAsync(StatusCode.Unauthenticated, () => PullAsync(pushed, forged), site.Registry.Host);
    }

    [Fact]
    public async Task ATokenServerThatIsDownIsNamed()
    {
        await using var site = await StartAsync();
        var pushed = await Image("down").PushAsync(site.Registry, "public/down");
        await site.Tokens.DisposeAsync();
        await Faults.ExpectAsync(StatusCode.Unavailable, () => Daemon.PullAsync(pushed.Reference), site.Tokens.Host);
    }

    private static ImageBuilder Image(string mark) =>
        new ImageBuilder().Layer(new LayerBuilder().File("mark", mark)).Layer(new LayerBuilder().File("second", mark)).UnderIndex();

    private async Task<string> PullAsync(PushedImage image, AuthConfig auth) => (await Images.PullImageAsync(
        new PullImageRequest { Image = new ImageSpec { Image = image.Reference }, Auth = auth })).ImageRef;

    private async Task RemoveAsync(PushedImage image) =>
        await Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = image.Reference } });

    private async Task<Site> StartAsync()
    {
        var tokens = new TokenServer();
        var registry = await Registry.StartAsync("token", new RegistryOptions { Tokens = tokens });
        World.WriteHosts(registry.Host, registry.Address);
        return new Site(registry, tokens);
    }

    /// <summary>A registry and the server that its clients get their tokens from.</summary>
    private sealed record Site(Registry Registry, TokenServer Tokens) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Registry.DisposeAsync();
            await Tokens.DisposeAsync();
        }
    }
}
