using System.Text;
using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Pulling;

/// <summary>Who gets to see a secret: the host that it is for, and its token server; nobody else.</summary>
public sealed class CredentialTests : IAsyncLifetime
{
    private const string Basic = "Basic dXNlcjpzZWNyZXQ=";
    private static readonly RegistryCredentials Login = new("user", "secret", null, null, null, null);
    private readonly TestRegistry _registry = new();
    private readonly TestRegistry _other = new();
    private readonly TempDirectory _certs = new();
    private readonly ImageRoom _room;
    private readonly TestImage _image = new("secret", Packing.Gzip);

    public CredentialTests()
    {
        _room = new ImageRoom(configure: o => o with { RegistryConfigDirectory = _certs.Path });
        _registry.Serve(_image);
        _other.Serve(_image);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _room.DisposeAsync();
        _registry.Dispose();
        _other.Dispose();
        _certs.Dispose();
    }

    [Fact]
    public async Task BasicIsSentOnlyAfterTheChallenge()
    {
        Challenge(_registry, "Basic realm=\"x\"", Basic);
        await _room.PullAsync(_registry.Reference(), Login);
        Assert.Null(_registry.Requests.First().Authorization);
        Assert.All(_registry.Requests.Skip(1), r => Assert.Equal(Basic, r.Authorization));
    }

    [Fact]
    public async Task WrongCredentialsAreUnauthenticatedAndNotRepeated()
    {
        Challenge(_registry, "Basic realm=\"x\"", "Basic other");
        var fault = await _room.PullFaultAsync(_registry.Reference(), Login);
        Assert.Equal(FaultCode.Unauthenticated, fault.Code);
        Assert.DoesNotContain("secret", fault.Message.Replace("imagePullSecrets", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(2, _registry.Requests.Count);
    }

    [Fact]
    public async Task ABearerTokenIsFetchedFromTheRealmWithServiceAndScope()
    {
        Challenge(
            _registry, $"Bearer realm=\"http://{_other.Host}/token\",service=\"svc\",scope=\"repository:test/app:pull\"", "Bearer t0ken");
        TokenServer("t0ken");
        await _room.PullAsync(_registry.Reference(), Login);
        var asked = Assert.Single(_other.Requests);
        Assert.Equal(("GET", "/token", Basic), (asked.Method, asked.Path, asked.Authorization));
        Assert.Contains("service=svc", asked.Query, StringComparison.Ordinal);
        Assert.Contains("scope=repository%3Atest%2Fapp%3Apull", asked.Query, StringComparison.Ordinal);
        Assert.All(_registry.Requests, r => Assert.True(r.Authorization is null or "Bearer t0ken"));
    }

    [Fact]
    public async Task AnonymousPullsGetAnAnonymousToken()
    {
        Challenge(_registry, $"Bearer realm=\"http://{_other.Host}/token\"", "Bearer anon");
        TokenServer("anon");
        await _room.PullAsync(_registry.Reference());
        Assert.Null(Assert.Single(_other.Requests).Authorization);
    }

    [Fact]
    public async Task AnIdentityTokenIsPostedToTheRealmAlone()
    {
        Challenge(_registry, $"Bearer realm=\"http://{_other.Host}/token\",service=\"svc\"", "Bearer fresh");
        TokenServer("fresh");
        await _room.PullAsync(_registry.Reference(), new RegistryCredentials(null, null, null, null, "refresh-me", null));
        var asked = Assert.Single(_other.Requests);
        Assert.Equal("POST", asked.Method);
        Assert.Contains("grant_type=refresh_token&refresh_token=refresh-me&service=svc", asked.Body, StringComparison.Ordinal);
        Assert.DoesNotContain(_registry.Requests, r => r.Authorization?.Contains("refresh-me", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task ARegistryTokenIsTheBearerItself()
    {
        Challenge(_registry, "Bearer realm=\"http://unused.invalid/\"", "Bearer given");
        await _room.PullAsync(_registry.Reference(), new RegistryCredentials(null, null, null, null, null, "given"));
        Assert.All(_registry.Requests, r => Assert.Equal("Bearer given", r.Authorization));
    }

    [Fact]
    public async Task ARedirectSeesNoCredentialsAndCannotAskForThem()
    {
        Redirect(_registry, _other);
        await _room.PullAsync(_registry.Reference(), Login);
        Assert.NotEmpty(_other.Requests);
        Assert.All(_other.Requests, r => Assert.Null(r.Authorization));
        await _room.Images.RemoveAsync(_image.Id, default);
        await TestContext.EventuallyAsync(() => _room.Layers.Committed.IsEmpty, "the layers' collection");
        _other.Requests.Clear();
        Challenge(_other, "Basic realm=\"give me\"", Basic);
        Assert.Equal(FaultCode.Unauthenticated, (await _room.PullFaultAsync(_registry.Reference(), Login)).Code);
        Assert.All(_other.Requests, r => Assert.Null(r.Authorization));
    }

    [Fact]
    public async Task CredentialsForAnotherHostAreNotSent()
    {
        Challenge(_registry, "Basic realm=\"x\"", Basic);
        var fault = await _room.PullFaultAsync(_registry.Reference(), Login with { ServerAddress = "https://elsewhere.example/v1/" });
        Assert.Equal(FaultCode.Unauthenticated, fault.Code);
        Assert.All(_registry.Requests, r => Assert.Null(r.Authorization));
    }

    [Fact]
    public async Task AMirrorGetsNeitherTheRegistrysCredentialsNorKeepsThemFromIt()
    {
        Mirror($"[host.\"http://{_other.Host}\"]\n");
        Challenge(_other, "Basic realm=\"mirror\"", Basic);
        Challenge(_registry, "Basic realm=\"x\"", Basic);
        await _room.PullAsync(_registry.Reference(), Login);
        Assert.NotEmpty(_other.Requests);
        Assert.All(_other.Requests, r => Assert.Null(r.Authorization));
        Assert.Contains(_registry.Requests, r => r.Authorization == Basic);
    }

    [Fact]
    public async Task AMirrorGetsCredentialsThatNameItAndTheNameSpace()
    {
        Mirror($"[host.\"http://{_other.Host}\"]\n[host.\"http://{_other.Host}\".header]\nX-Extra = \"mine\"\n");
        Challenge(_other, "Basic realm=\"mirror\"", Basic);
        await _room.PullAsync(_registry.Reference(), Login with { ServerAddress = _other.Host });
        Assert.Contains(_other.Requests, r => r.Authorization == Basic);
        Assert.All(_other.Requests, r => Assert.Equal(($"?ns={Uri.EscapeDataString(_registry.Host)}", "mine"), (r.Query, r.Extra)));
        Assert.Empty(_registry.Requests);
    }

    [Fact]
    public async Task ConfiguredHeadersStayWithTheirHost()
    {
        Mirror($"server = \"http://{_registry.Host}\"\n[header]\nX-Extra = \"internal\"\n");
        Redirect(_registry, _other);
        await _room.PullAsync(_registry.Reference());
        Assert.All(_registry.Requests, r => Assert.Equal("internal", r.Extra));
        Assert.All(_other.Requests, r => Assert.Null(r.Extra));
    }

    [Fact]
    public async Task AMirrorThatLacksTheImageIsPassedOver()
    {
        Mirror($"[host.\"http://{_other.Host}\"]\n");
        _other.Manifests.Clear();
        _other.Blobs.Clear();
        Assert.Equal(_image.Id, (await _room.PullAsync(_registry.Reference())).Id);
        Assert.Equal([$"{_registry.Host}/test/app:v1"], _room.Images.Find(_image.Id)!.RepoTags.AsEnumerable());
    }

    [Fact]
    public async Task AMirrorThatMayOnlyPullIsNotAskedWhatATagIs()
    {
        Mirror($"[host.\"http://{_other.Host}\"]\ncapabilities = [\"pull\"]\n");
        await _room.PullAsync(_registry.Reference());
        Assert.DoesNotContain(_other.Requests, r => r.Path.EndsWith("/v1", StringComparison.Ordinal));
        Assert.Equal(2, _other.Count("/blobs/"));
        Assert.Equal(0, _registry.Count("/blobs/"));
    }

    private static void Challenge(TestRegistry registry, string challenge, string accepted) => registry.Hook = async context =>
    {
        if (context.Request.Headers["Authorization"] == accepted) return false;
        context.Response.AddHeader("WWW-Authenticate", challenge);
        await TestRegistry.AnswerAsync(context, 401);
        return true;
    };

    private void TokenServer(string token) => _other.Hook = async context =>
    {
        await TestRegistry.AnswerAsync(
            context, 200, Encoding.UTF8.GetBytes($"{{\"token\":\"{token}\",\"expires_in\":60}}"), "application/json");
        return true;
    };

    private static void Redirect(TestRegistry from, TestRegistry to) => from.Hook = async context =>
    {
        if (context.Request.Headers["Authorization"] is null
            && !context.Request.Url!.AbsolutePath.Contains("/blobs/", StringComparison.Ordinal)
            && context.Request.Headers["X-Extra"] is null)
        {
            context.Response.AddHeader("WWW-Authenticate", "Basic realm=\"x\"");
            await TestRegistry.AnswerAsync(context, 401);
            return true;
        }

        if (!context.Request.Url!.AbsolutePath.Contains("/blobs/", StringComparison.Ordinal)) return false;
        context.Response.RedirectLocation = $"http://{to.Host}{context.Request.Url.AbsolutePath}";
        await TestRegistry.AnswerAsync(context, 307);
        return true;
    };

    private void Mirror(string hosts)
    {
        var directory = Directory.CreateDirectory(Path.Combine(_certs.Path, _registry.Host));
        File.WriteAllText(Path.Combine(directory.FullName, "hosts.toml"), hosts);
    }
}
