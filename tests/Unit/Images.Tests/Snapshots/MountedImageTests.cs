using ShimRuntime.Images.Tests.Layers;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Snapshots;

/// <summary>Images that a container mounts beside its own: held by its writable layer, and by nothing else.</summary>
public sealed class MountedImageTests : IAsyncLifetime
{
    private readonly SnapshotWorld _world = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _world.DisposeAsync().AsTask();

    [Fact]
    public async Task Their_layers_are_held_until_the_writable_layer_goes_also_after_a_restart()
    {
        var own = await _world.CommitAsync(("own", new TarBuilder().File("f")));
        var data = await _world.CommitAsync(("data1", new TarBuilder().File("g")), ("data2", new TarBuilder().File("h")));
        await _world.Snapshots.PrepareAsync("c1", own, [data], default);
        await _world.RestartAsync();
        Assert.True(own.ChainIds.Concat(data.ChainIds).ToHashSet().SetEquals(_world.References.ChainIdsInUse()));

        var again = await _world.Snapshots.PrepareAsync("c1", own, [data], default);
        Assert.Equal(2, Assert.Single(again.Mounted).Length);
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => _world.Snapshots.PrepareAsync("c1", own, default));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        await _world.Snapshots.RemoveAsync("c1", default);
        Assert.Empty(_world.References.ChainIdsInUse());
    }

    [Fact]
    public async Task A_lone_layer_has_an_empty_one_below_it_so_that_its_whiteouts_are_not_seen()
    {
        var own = await _world.CommitAsync(("own", new TarBuilder().File("f")));
        var data = await _world.CommitAsync(("data", new TarBuilder().File("kept").File(".wh.gone")));
        var snapshot = await _world.Snapshots.PrepareAsync("c1", own, [data], default);
        var target = Directory.CreateTempSubdirectory("srt-mounted-").FullName;
        OverlayMount.MountReadOnly(snapshot.Mounted[0], target, MountFlags.NoDev);
        try
        {
            Assert.Equal(["kept"], Directory.EnumerateFileSystemEntries(target).Select(e => Path.GetFileName(e)));
            Assert.Contains("nodev", MountTable.Read().At(target)!.Options.Split(','));
        }
        finally
        {
            MountPoint.Unmount(target);
            Directory.Delete(target);
        }
    }

    [Fact]
    public async Task A_layer_that_has_gone_is_FailedPrecondition()
    {
        var own = await _world.CommitAsync(("own", new TarBuilder().File("f")));
        var data = await _world.CommitAsync(("data", new TarBuilder().File("g")));
        _world.Layers.Retire(SnapshotWorld.Chain("data"));
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => _world.Snapshots.PrepareAsync("c1", own, [data], default));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Null(_world.Snapshots.Find("c1"));
    }
}
