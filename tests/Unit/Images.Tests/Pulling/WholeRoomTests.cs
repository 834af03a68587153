using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Pulling;

/// <summary>The room as the daemon opens it, layers on disk included.</summary>
public sealed class WholeRoomTests : IDisposable
{
    private readonly TestRegistry _registry = new();
    private readonly TempDirectory _root = new();
    private readonly TestImage _image = new("whole", Packing.Gzip, Packing.Zstd);

    public WholeRoomTests() => _registry.Serve(_image);

    public void Dispose()
    {
        _registry.Dispose();
        _root.Dispose();
    }

    [Fact]
    public async Task PullPrepareReopenRemoveCollect()
    {
        string lower;
        await using (var room = await OpenAsync())
        {
            var image = await room.Images.PullAsync(new PullRequest(_registry.Reference(), null), null, TestContext.Deadline());
            var snapshot = await room.Snapshots.PrepareAsync("c1", image, TestContext.Deadline());
            lower = snapshot.LowerDirs[0];
            Assert.Equal(200, new FileInfo(Path.Combine(lower, "whole-1")).Length);
            Assert.True(File.Exists(Path.Combine(snapshot.LowerDirs[1], "whole-0")));
            Assert.True(room.Images.FilesystemUsage() is { UsedBytes: > 400, InodesUsed: > 4, Mountpoint: ['/', ..] });
        }

        await using (var room = await OpenAsync())
        {
            Assert.Equal(_image.Id, Assert.Single(room.Images.List()).Id);
            await room.Images.RemoveAsync(_registry.Reference(), TestContext.Deadline());
            Assert.Empty(room.Images.List());
            await TestContext.EventuallyAsync(
                () => Directory.GetFiles(Path.Combine(_root.Path, "content/blobs/sha256")).Length == 0, "the documents' collection");
            Assert.True(Directory.Exists(lower), "a container's layer was collected");
            await room.Snapshots.RemoveAsync("c1", TestContext.Deadline());
            await TestContext.EventuallyAsync(() => !Directory.Exists(lower), "the collection of what only the container held");
        }

        await using (await OpenAsync())
        {
            await TestContext.EventuallyAsync(IsEmpty, "the layers' collection");
            Assert.False(Directory.Exists(lower));
        }
    }

    [Fact]
    public async Task ALayerThatSomebodyDeletedMakesTheImageAbsentUntilItIsPulledAgain()
    {
        await using var room = await OpenAsync();
        var image = await room.Images.PullAsync(new PullRequest(_registry.Reference(), null), null, TestContext.Deadline());
        var snapshot = await room.Snapshots.PrepareAsync("c1", image, TestContext.Deadline());
        Directory.Delete(Path.GetDirectoryName(snapshot.LowerDirs[0])!, true);
        Assert.Null(room.Images.Find(_image.Id));
        Assert.Empty(room.Images.List());
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => room.Snapshots.PrepareAsync("c2", image, TestContext.Deadline()));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        await room.Images.PullAsync(new PullRequest(_registry.Reference(), null), null, TestContext.Deadline());
        Assert.NotNull(room.Images.Find(_image.Id));
        Assert.Equal(1, _registry.Count(_image.Layers[0].Digest.ToString()));
        Assert.Equal(2, _registry.Count(_image.Layers[1].Digest.ToString()));
        Assert.True(
            File.Exists(Path.Combine((await room.Snapshots.PrepareAsync("c3", image, TestContext.Deadline())).LowerDirs[0], "whole-1")));
    }

    private bool IsEmpty()
    {
        try
        {
            return !Directory.EnumerateFiles(_root.Path, "*", SearchOption.AllDirectories).Any();
        }
        catch (DirectoryNotFoundException)
        {
            return false; // deleted while it was being listed
        }
    }

    private Task<ImageServices> OpenAsync() =>
        ImageServices.OpenAsync(new ImageOptions { Root = _root.Path }, NullLoggerFactory.Instance, CancellationToken.None);
}
