using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Pulling;

public sealed class IndexPullTests : IAsyncLifetime
{
    private readonly TestRegistry _registry = new();
    private readonly ImageRoom _room = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _room.DisposeAsync();
        _registry.Dispose();
    }

    [Fact]
    public async Task ThisMachinesImageIsTakenAndTheIndexIsItsDigest()
    {
        var arm = new TestImage("arm", "arm64", 100, Packing.Gzip);
        var amd = new TestImage("amd", "amd64", 100, Packing.Gzip);
        var index = TestImage.Index((arm, "linux/arm64"), (amd, "linux/amd64"));
        _registry.Serve(index, TestImage.OciIndex, "v1", arm, amd);
        var record = await _room.PullAsync(_registry.Reference());
        Assert.Equal(amd.Id, record.Id);
        Assert.Equal([$"{_registry.Host}/test/app@{TestImage.Hash(index)}"], record.RepoDigests.AsEnumerable());
        Assert.Equal([amd.ManifestDigest], record.Manifests.AsEnumerable());
        Assert.Contains($"content/blobs/sha256/{TestImage.Hash(index).Hex}", _room.Files());
        Assert.Equal(0, _registry.Count(arm.ManifestDigest.ToString()));
    }

    [Fact]
    public async Task WithoutAnImageForThisMachineTheOfferIsNamed()
    {
        var arm = new TestImage("arm", "arm64", 100, Packing.Gzip);
        _registry.Serve(TestImage.Index((arm, "linux/arm64/v8"), (arm, "windows/amd64")), TestImage.OciIndex, "v1", arm);
        var fault = await _room.PullFaultAsync(_registry.Reference());
        Assert.Equal(FaultCode.NotFound, fault.Code);
        Assert.Contains("linux/arm64/v8, windows/amd64", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASingleManifestForAnotherMachineIsRefused()
    {
        _registry.Serve(new TestImage("arm", "arm64", 100, Packing.Gzip));
        Assert.Contains("linux/arm64", (await _room.PullFaultAsync(_registry.Reference())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnIndexThatNamesItselfOrNestsTooDeepEnds()
    {
        var inner = new TestImage("inner", Packing.Gzip);
        var document = TestImage.Index((inner, "linux/amd64"));
        var images = new List<TestImage> { inner };
        for (var i = 0; i < 4; i++)
        {
            var shell = new TestImage("shell" + i, Packing.Gzip) { ManifestBytes = document };
            images.Add(shell);
            document = System.Text.Encoding.UTF8.GetBytes(
                System.Text.Encoding.UTF8.GetString(
                    TestImage.Index((shell, "linux/amd64"))).Replace("oci.image.manifest", "oci.image.index", StringComparison.Ordinal));
        }

        _registry.Serve(document, TestImage.OciIndex, "v1", [.. images]);
        foreach (var shell in images.Skip(1))
            _registry.Manifests[shell.ManifestDigest.ToString()] = (shell.ManifestBytes, TestImage.OciIndex);
        var fault = await _room.PullFaultAsync(_registry.Reference());
        Assert.True(fault.Message.Contains("nested", StringComparison.Ordinal), fault.Message);
    }
}
