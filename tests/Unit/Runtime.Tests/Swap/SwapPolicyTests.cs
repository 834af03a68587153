using System.Collections.Immutable;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Swap;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Swap;

public class SwapPolicyTests
{
    private const string Old = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    private const string Next = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
    private const string Other = "sha256:3333333333333333333333333333333333333333333333333333333333333333";
    private static readonly SwapImageChoice Choice = new(new Images(
        Image(Old, "registry.example/app:1"), Image(Next, "registry.example/app:2", $"registry.example/app@{Next}"), Image(Other, "registry.example/other:1")));

    [Theory]
    [InlineData(SwapImages.Digest, "registry.example/app@" + Next, null)]
    [InlineData(SwapImages.Digest, Next, null)]
    [InlineData(SwapImages.Digest, "registry.example/app:2", "by digest")]
    [InlineData(SwapImages.Digest, Other, "repository")]
    [InlineData(SwapImages.Repository, "registry.example/app:2", null)]
    [InlineData(SwapImages.Repository, "registry.example/other:1", "repository")]
    [InlineData(SwapImages.Any, "registry.example/other:1", null)]
    [InlineData(SwapImages.None, "registry.example/app@" + Next, "no other image")]
    [InlineData(SwapImages.None, "registry.example/app:1", null)] // the same image by another name
    [InlineData(SwapImages.Any, "registry.example/app:9", "pull it first")]
    public void The_policy_decides_by_repository_and_name(SwapImages allowed, string asked, string? refusal)
    {
        var ground = new SwapImageChoice.Ground(Old, ["registry.example/app:1"]);
        var policy = new HotSwapPolicy { Images = allowed };
        if (refusal is null) Assert.NotNull(Choice.Choose(asked, ground, policy));
        else Assert.Contains(refusal, Assert.Throws<RuntimeFault>(() => Choice.Choose(asked, ground, policy)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Patches_add_up_and_change_nothing_else()
    {
        var config = new ContainerConfig { Command = { "a" }, Args = { "b" }, Envs = { new KeyValue { Key = "X" }, new KeyValue { Key = "Y" } }, WorkingDir = "/w", Tty = true };
        var patch = new PatchRecord()
            .With(new Patch { Env = { new Variable { Name = "Z", Value = "1" }, new Variable { Name = "X", Value = "2" } }, Args = new Arguments() })
            .With(new Patch { UnsetEnv = { "Y", "nothing" }, Command = new Arguments { Values = { "c" } } })
            .With(null);
        var patched = patch.ApplyTo(config);
        Assert.Equal("X=2 Z=1", string.Join(' ', patched.Envs.Select(e => $"{e.Key}={e.Value.ToStringUtf8()}")));
        Assert.Equal(["c"], patched.Command);
        Assert.Equal((0, "/w", true), (patched.Args.Count, patched.WorkingDir, patched.Tty));
        Assert.Equal(2, config.Envs.Count); // the request itself is never changed
    }

    [Fact]
    public void Too_many_and_failed_swaps_wait()
    {
        var time = new Clock();
        var rates = new SwapRates(time);
        rates.Take(2);
        rates.Take(2);
        Assert.Contains("2 a minute", Assert.Throws<RuntimeFault>(() => rates.Take(2)).Message, StringComparison.Ordinal);
        time.Now += TimeSpan.FromMinutes(1);
        rates.Take(2);
        for (var i = 0; i < 40; i++) rates.Report(false);
        Assert.Equal(FaultCode.ResourceExhausted, Assert.Throws<RuntimeFault>(() => rates.Take(2)).Code);
        time.Now += TimeSpan.FromMinutes(5);
        rates.Take(2);
        rates.Report(true);
        rates.Take(2);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData(".g7", true)]
    [InlineData(".gx", false)]
    [InlineData("x", false)]
    public void A_writable_layer_tells_whose_it_is(string suffix, bool ours)
    {
        var id = new string('a', 64);
        Assert.Equal(ours ? id : null, SnapshotKeys.OwnerOf(id + suffix));
    }

    private static ImageRecord Image(string id, string tag, string? digest = null) => new()
    {
        Id = id, Manifests = [], RepoTags = [tag], RepoDigests = digest is null ? [] : [digest], SizeBytes = 1, ChainIds = ImmutableArray<Digest>.Empty, Config = new ImageConfig(),
    };

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class Images(params ImageRecord[] all) : IImageStore
    {
        public ImageRecord? Find(string reference) => all.FirstOrDefault(i => i.Id == reference || i.RepoTags.Contains(reference) || i.RepoDigests.Contains(reference));

        public IReadOnlyCollection<ImageRecord> List() => all;
    }
}
