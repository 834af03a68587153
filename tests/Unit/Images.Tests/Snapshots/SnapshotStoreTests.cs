using ShimRuntime.Images.Tests.Layers;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Snapshots;

public sealed class SnapshotStoreTests : IAsyncLifetime
{
    private readonly SnapshotWorld _world = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _world.DisposeAsync().AsTask();

    [Fact]
    public async Task A_writable_layer_mounts_over_its_image_and_looks_like_the_images_root()
    {
        var image = await _world.CommitAsync(("base", new TarBuilder { Uid = 8 }.Directory("./", 0x1E8).File("f", "below")), ("top", new TarBuilder().File("g")));
        var snapshot = await _world.Snapshots.PrepareAsync("c1", image, default);
        var merged = Mount(snapshot);
        Assert.Equal("below", File.ReadAllText(Path.Combine(merged, "f")));
        using var root = SafeDirFd.Open(merged);
        Assert.Equal((0x1E8u, 8u), (root.Stat().Mode, root.Stat().Uid));
    }

    [Fact]
    public async Task Prepare_again_finds_the_same_layer_also_after_a_restart()
    {
        var image = await _world.CommitAsync(("base", new TarBuilder().File("f")));
        var first = await _world.Snapshots.PrepareAsync("c1", image, default);
        await File.WriteAllTextAsync(Path.Combine(first.UpperDir, "kept"), "k");
        await _world.RestartAsync();
        var second = await _world.Snapshots.PrepareAsync("c1", image, default);
        Assert.Equal((first.UpperDir, first.WorkDir), (second.UpperDir, second.WorkDir));
        Assert.Equal<IEnumerable<string>>(first.LowerDirs, _world.Snapshots.Find("c1")!.LowerDirs);
        Assert.Equal("k", await File.ReadAllTextAsync(Path.Combine(second.UpperDir, "kept")));
        Assert.Equal(["c1"], _world.Snapshots.Keys());
        Assert.Equal(image.ChainIds, _world.References.ChainIdsInUse());
    }

    [Theory]
    [InlineData("{\"schema\":1,\"crea", false, false)]
    [InlineData("{\"schema\":1,\"crea", true, true)]
    [InlineData("{\"schema\":99,\"createdAt\":\"2026-01-01T00:00:00Z\"}", false, true)]
    public async Task A_writable_layer_that_a_power_loss_tore_is_deleted_unless_something_runs_on_it(string record, bool mounted, bool kept)
    {
        var image = await _world.CommitAsync(("base", new TarBuilder().File("f")));
        var snapshot = await _world.Snapshots.PrepareAsync("c1", image, default);
        if (mounted) Mount(snapshot);
        await File.WriteAllTextAsync(Path.Combine(_world.Below, "2", "snapshot.json"), record);
        await _world.RestartAsync();
        await _world.Layers.SweepAsync(default);
        Assert.Equal(kept ? [".bad-2", "1"] : ["1"], _world.Entries);
        Assert.Empty(_world.Snapshots.Keys());
    }

    [Fact]
    public async Task A_prepare_that_finds_no_room_leaves_nothing()
    {
        await using var full = new SnapshotWorld("size=1m,nr_inodes=6"); // the root, snapshots, empty/fs, .new-1/fs, and no work
        var fault = await Assert.ThrowsAsync<LinuxException>(() => full.Snapshots.PrepareAsync("c1", SnapshotWorld.Image([]), default));
        Assert.Equal(Errno.ENOSPC, fault.ErrorNumber);
        Assert.Empty(full.Entries);
    }

    [Fact]
    public async Task Parallel_prepares_of_one_key_make_one_layer()
    {
        var image = await _world.CommitAsync(("base", new TarBuilder().File("f")));
        var all = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _world.Snapshots.PrepareAsync("c1", image, default)));
        Assert.Single(all.Select(s => s.UpperDir).Distinct());
        Assert.Equal(2, _world.Entries.Count);
    }

    [Fact]
    public async Task A_key_over_another_image_and_a_missing_layer_are_FailedPrecondition_and_leave_nothing()
    {
        var image = await _world.CommitAsync(("base", new TarBuilder().File("f")));
        await _world.Snapshots.PrepareAsync("c1", image, default);
        var other = await _world.CommitAsync(("other", new TarBuilder().File("f")));
        await FailsAsync("c1", other);
        _world.Layers.Retire(SnapshotWorld.Chain("other"));
        await FailsAsync("c2", other);
        await _world.Layers.SweepAsync(default);
        Assert.Equal(2, _world.Entries.Count);
        Assert.Null(_world.Snapshots.Find("c2"));
    }

    [Fact]
    public async Task Remove_is_immediate_repeatable_and_deletes_in_the_background()
    {
        var image = await _world.CommitAsync(("base", new TarBuilder().File("f")));
        var snapshot = await _world.Snapshots.PrepareAsync("c1", image, default);
        var merged = Mount(snapshot);
        Directory.CreateDirectory(Path.Combine(merged, "a/b/c"));
        MountPoint.Unmount(merged);
        await _world.Snapshots.RemoveAsync("c1", default);
        await _world.Snapshots.RemoveAsync("c1", default);
        Assert.Null(_world.Snapshots.Find("c1"));
        Assert.Empty(_world.References.ChainIdsInUse());
        Assert.False(Directory.Exists(snapshot.UpperDir));
        await _world.Layers.SweepAsync(default);
        Assert.Single(_world.Entries);
        Assert.NotEqual(snapshot.UpperDir, (await _world.Snapshots.PrepareAsync("c1", image, default)).UpperDir);
    }

    [Fact]
    public async Task An_image_without_layers_has_an_empty_root()
    {
        var snapshot = await _world.Snapshots.PrepareAsync("c1", SnapshotWorld.Image([]), default);
        Assert.Empty(Directory.GetFileSystemEntries(Mount(snapshot)));
    }

    [Fact]
    public async Task Layers_below_an_opaque_root_are_not_mounted()
    {
        var image = await _world.CommitAsync(
            ("base", new TarBuilder().File("old")), ("reset", new TarBuilder().File(".wh..wh..opq").File("new")), ("top", new TarBuilder().File("t")));
        await _world.RestartAsync();
        var snapshot = await _world.Snapshots.PrepareAsync("c1", image, default);
        Assert.Equal(2, snapshot.LowerDirs.Length);
        Assert.Equal(["new", "t"], Directory.GetFileSystemEntries(Mount(snapshot)).Select(Path.GetFileName).Order());
        Assert.Equal(3, _world.References.ChainIdsInUse().Count);
    }

    [Fact]
    public async Task The_collector_waits_for_a_prepare_and_a_prepare_for_the_collector()
    {
        var image = await _world.CommitAsync(("base", new TarBuilder().File("f")));
        var sweep = await _world.Collector.WriteAsync(default);
        var prepare = _world.Snapshots.PrepareAsync("c1", image, default);
        await Task.WhenAny(prepare, Task.Delay(100));
        Assert.False(prepare.IsCompleted);
        _world.Layers.Retire(SnapshotWorld.Chain("base"));
        sweep.Dispose();
        Assert.Equal(FaultCode.FailedPrecondition, (await Assert.ThrowsAsync<RuntimeFault>(() => prepare)).Code);
    }

    [Fact]
    public async Task A_new_layers_usage_is_known_at_once_and_follows_what_is_written()
    {
        var image = await _world.CommitAsync(("base", new TarBuilder().File("f")));
        var snapshot = await _world.Snapshots.PrepareAsync("c1", image, default);
        Assert.Null(_world.Snapshots.Usage("unknown"));
        Assert.Equal(1, _world.Snapshots.Usage("c1")!.Value.InodesUsed);
        await File.WriteAllBytesAsync(Path.Combine(snapshot.UpperDir, "data"), new byte[1 << 20]);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (_world.Snapshots.Usage("c1")!.Value.InodesUsed < 2) await Task.Delay(50, deadline.Token);
        var usage = _world.Snapshots.Usage("c1")!.Value;
        Assert.Equal(2, usage.InodesUsed);
        Assert.InRange(usage.UsedBytes, 1 << 20, 2 << 20);
        Assert.True(usage.MeasuredAt > DateTimeOffset.UtcNow.AddMinutes(-1));
    }

    private async Task FailsAsync(string key, ImageRecord image) =>
        Assert.Equal(FaultCode.FailedPrecondition, (await Assert.ThrowsAsync<RuntimeFault>(() => _world.Snapshots.PrepareAsync(key, image, default))).Code);

    private string Mount(Snapshot snapshot)
    {
        var merged = Directory.CreateDirectory(Path.Combine(_world.Root, "merged")).FullName;
        OverlayMount.Mount(snapshot.LowerDirs, snapshot.UpperDir, snapshot.WorkDir, merged);
        return merged;
    }
}
