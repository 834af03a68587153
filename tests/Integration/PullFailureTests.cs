using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Registries that drop connections, want passwords, are not there; pulls that are killed in the middle.</summary>
public sealed class PullFailureTests(DaemonFixture daemon) : NodeTest(daemon)
{
    protected override bool LeavesLeases => true;

    [Fact]
    public async Task DroppedConnectionsAreResumed()
    {
        var pushed = await BigAsync("dropped");
        await using var proxy = await ProxyAsync();
        proxy.Drop(3, 200_000);
        Assert.Equal(pushed.ConfigDigest, await Daemon.PullAsync($"{proxy.Host}/pull/dropped:1"));
        Assert.Equal(3, proxy.Dropped);
        var image = (await Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = pushed.ConfigDigest } })).Image;
        Assert.Equal(pushed.ConfigDigest, image.Id);
    }

    [Fact]
    public async Task ARegistryThatDropsForEverIsAnErrorAndLeavesNothing()
    {
        await BigAsync("never");
        await using var proxy = await ProxyAsync();
        // Enough for the documents, never for the first block of a layer: no attempt gets on.
        proxy.Drop(int.MaxValue, 6_000);
        var fault = await Assert.ThrowsAsync<RpcException>(() => Daemon.PullAsync($"{proxy.Host}/pull/never:1"));
        Assert.Contains(fault.StatusCode, new[] { StatusCode.Unavailable, StatusCode.Internal, StatusCode.Unknown });
        Assert.Contains("pull/never", fault.Status.Detail, StringComparison.Ordinal);
        Assert.Single((await Images.ListImagesAsync(new ListImagesRequest())).Images);
    }

    [Fact]
    public async Task NobodyListeningIsUnavailableAndQuick()
    {
        var host = $"127.0.0.1:{FreePort.Next()}";
        World.WriteHosts(host, $"http://{host}");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var fault = await Assert.ThrowsAsync<RpcException>(() => Daemon.PullAsync($"{host}/x/y:1").WaitAsync(deadline.Token));
        Assert.Contains(host, fault.Status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(60)]
    [InlineData(250)]
    public async Task KilledInTheMiddleOfAPullItBeginsAnewAndLeavesNothing(int milliseconds)
    {
        var pushed = await BigAsync("killed");
        await using var proxy = await ProxyAsync();
        var reference = $"{proxy.Host}/pull/killed:1";
        proxy.Hold();
        var pull = Daemon.PullAsync(reference);
        await Eventually.True(() => proxy.Connections > 0, "the pull has begun");
        proxy.Release();
        await Task.Delay(milliseconds);
        await Daemon.KillAsync();
        await Record.ExceptionAsync(() => pull);
        await Daemon.StartAsync();
        // Either the image is whole and was done, or it is not there.
        Assert.All((await Images.ListImagesAsync(new ListImagesRequest())).Images, i => Assert.NotEmpty(i.RepoTags));
        Assert.Equal(pushed.ConfigDigest, await Daemon.PullAsync(reference));
    }

    [Fact]
    public async Task AClientThatGivesUpDoesNotBreakThePullOfTheNext()
    {
        var pushed = await BigAsync("impatient");
        await using var proxy = await ProxyAsync();
        var reference = $"{proxy.Host}/pull/impatient:1";
        proxy.Hold();
        using var impatient = new CancellationTokenSource();
        var first = Images.PullImageAsync(new PullImageRequest { Image = new ImageSpec { Image = reference } }, cancellationToken: impatient.Token).ResponseAsync;
        await Eventually.True(() => proxy.Connections > 0, "the pull has begun");
        await impatient.CancelAsync();
        await Assert.ThrowsAsync<RpcException>(() => first);
        var second = Daemon.PullAsync(reference);
        proxy.Release();
        Assert.Equal(pushed.ConfigDigest, await second);
    }

    [Fact]
    public async Task BasicCredentialsComeFromTheRequest()
    {
        await using var registry = await Registry.StartAsync("private", ("user", "p:ss word"));
        World.WriteHosts(registry.Host, registry.Address);
        var pushed = await Small("private").PushAsync(registry, "private/image");
        await Faults.ExpectAsync(StatusCode.Unauthenticated, () => Daemon.PullAsync(pushed.Reference), pushed.Reference.Split('/')[0]);
        await Faults.ExpectAsync(StatusCode.Unauthenticated, () => PullAsync(pushed.Reference, new AuthConfig { Username = "user", Password = "wrong" }));
        var encoded = Convert.ToBase64String("user:p:ss word"u8);
        foreach (var auth in new[] { new AuthConfig { Username = "user", Password = "p:ss word" }, new AuthConfig { Auth = encoded } })
        {
            Assert.Equal(pushed.ConfigDigest, await PullAsync(pushed.Reference, auth));
            await Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = pushed.Reference } });
        }

        Assert.DoesNotContain("p:ss word", await File.ReadAllTextAsync(Daemon.DaemonLog), StringComparison.Ordinal);
        Assert.DoesNotContain(encoded, await File.ReadAllTextAsync(Daemon.DaemonLog), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMirrorIsAskedFirstAndTheServerWhenItIsDown()
    {
        var registry = await Registry.SharedAsync();
        var pushed = await Small("mirrored").PushAsync(registry, "pull/mirrored");
        var dead = $"http://127.0.0.1:{FreePort.Next()}";
        World.WriteHosts("upstream.test", dead, $"[host.\"{registry.Address}\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
        Assert.Equal(pushed.ConfigDigest, await Daemon.PullAsync("upstream.test/pull/mirrored:1"));
        var image = (await Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = pushed.ConfigDigest } })).Image;
        Assert.Equal(["upstream.test/pull/mirrored:1"], image.RepoTags);
    }

    [Fact]
    public async Task ABadHostsFileIsNamedWithItsLine()
    {
        var registry = await Registry.SharedAsync();
        World.WriteHosts("broken.test", registry.Address, "server = \"twice\"\n[[[\n");
        var fault = await Assert.ThrowsAsync<RpcException>(() => Daemon.PullAsync("broken.test/x/y:1"));
        Assert.Contains("hosts.toml", fault.Status.Detail, StringComparison.Ordinal);
    }

    private static ImageBuilder Small(string mark) => new ImageBuilder().Layer(new LayerBuilder().File("mark", mark));

    // Eight layers of 400 KB that do not compress.
    private static async Task<PushedImage> BigAsync(string name)
    {
        var builder = new ImageBuilder();
        for (var i = 0; i < 8; i++)
        {
            var bytes = new byte[400_000];
            new Random(HashCode.Combine(name.Length, i, name[0])).NextBytes(bytes);
            builder.Layer(new LayerBuilder().File($"{name}-{i}", bytes));
        }

        return await builder.PushAsync(await Registry.SharedAsync(), $"pull/{name}");
    }

    private async Task<string> PullAsync(string reference, AuthConfig auth) =>
        (await Images.PullImageAsync(new PullImageRequest { Image = new ImageSpec { Image = reference }, Auth = auth })).ImageRef;

    private async Task<TroubledProxy> ProxyAsync()
    {
        var proxy = new TroubledProxy((await Registry.SharedAsync()).Host);
        World.WriteHosts(proxy.Host, proxy.Address);
        return proxy;
    }
}
