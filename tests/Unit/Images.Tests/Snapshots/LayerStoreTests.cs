using ShimRuntime.Images.Tests.Layers;
using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Snapshots;

public sealed class LayerStoreTests : IAsyncLifetime
{
    private readonly SnapshotWorld _world = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _world.DisposeAsync().AsTask();

    [Fact]
    public async Task A_committed_layer_is_found_again_after_a_restart_with_its_usage()
    {
        await _world.CommitAsync(("base", new TarBuilder().File(TarBuilder.Bytes("f"), new byte[10_000]).HardLink("l", "f").Directory("d/")));
        var usage = _world.Layers.Usage(SnapshotWorld.Chain("base"))!.Value;
        Assert.Equal(3, usage.Inodes); // root, f, d
        Assert.InRange(usage.Bytes, 10_000, 64 * 1024);
        await _world.RestartAsync();
        Assert.True(_world.Layers.Exists(SnapshotWorld.Chain("base")));
        Assert.Equal(usage, _world.Layers.Usage(SnapshotWorld.Chain("base")));
        Assert.Equal([SnapshotWorld.Chain("base")], _world.Layers.ChainIds());
    }

    [Fact]
    public async Task Layers_are_unpacked_side_by_side_and_settled_in_the_order_of_commits()
    {
        var image = SnapshotWorld.Image([SnapshotWorld.Chain("base"), SnapshotWorld.Chain("top")]);
        await using var top = await _world.Layers.UnpackAsync(new MemoryStream(new TarBuilder().File("d/new").HardLink("l", "d/old").Build()), default);
        await using var bottom = await _world.Layers.UnpackAsync(new MemoryStream(new TarBuilder { Uid = 5 }.Directory("d/", 0x1C0).File("d/old", "o").Build()), default);
        await bottom.CommitAsync(image.ChainIds[..1], SnapshotWorld.Chain("x"), default);
        var before = top.Usage;
        await top.CommitAsync(image.ChainIds, SnapshotWorld.Chain("y"), default);
        Assert.True(top.Usage.Bytes >= before.Bytes);
        var snapshot = await _world.Snapshots.PrepareAsync("c", image, default);
        var merged = Directory.CreateDirectory(Path.Combine(_world.Root, "merged")).FullName;
        OverlayMount.Mount(snapshot.LowerDirs, snapshot.UpperDir, snapshot.WorkDir, merged);
        Assert.Equal((0x1C0u, 5u), (LayerWorld.Stat(merged, "d")!.Value.Mode, LayerWorld.Stat(merged, "d")!.Value.Uid));
        Assert.Equal("o", File.ReadAllText(Path.Combine(merged, "l")));
    }

    [Fact]
    public async Task A_draft_that_is_not_committed_leaves_nothing()
    {
        await (await _world.Layers.UnpackAsync(new MemoryStream(new TarBuilder().File("a/b/c").Build()), default)).DisposeAsync();
        Assert.Empty(_world.Entries);
        await Assert.ThrowsAsync<RuntimeFault>(() => _world.Layers.UnpackAsync(new MemoryStream(new TarBuilder().File("a").File("../x").Build()), default));
        Assert.Empty(_world.Entries);
        await Assert.ThrowsAsync<IOException>(() => _world.Layers.UnpackAsync(new BreakingStream(new TarBuilder().File("a", new string('x', 5000)).Build()), default));
        Assert.Empty(_world.Entries);
    }

    [Fact]
    public async Task A_cancelled_unpack_leaves_nothing_and_says_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        var stream = new BreakingStream(new TarBuilder().File("a", new string('x', 5000)).Build()) { AtEnd = cancellation.Cancel };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _world.Layers.UnpackAsync(stream, cancellation.Token));
        Assert.Empty(_world.Entries);
    }

    [Fact]
    public async Task A_chain_id_that_is_there_already_wins()
    {
        await _world.CommitAsync(("base", new TarBuilder().File("first")));
        await _world.CommitAsync(("base", new TarBuilder().File("second")));
        Assert.Equal(["first"], Directory.GetFileSystemEntries(Path.Combine(_world.Below, Assert.Single(_world.Entries), "fs")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_commit_over_a_layer_that_is_gone_is_FailedPrecondition()
    {
        await using var draft = await _world.Layers.UnpackAsync(new MemoryStream(new TarBuilder().File("a").Build()), default);
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => draft.CommitAsync([SnapshotWorld.Chain("no"), SnapshotWorld.Chain("top")], SnapshotWorld.Chain("x"), default));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.False(_world.Layers.Exists(SnapshotWorld.Chain("top")));
    }

    [Fact]
    public async Task A_retired_layer_is_gone_at_once_and_its_tree_after_the_sweep()
    {
        await _world.CommitAsync(("base", new TarBuilder().File("a/b/c")));
        _world.Layers.Retire(SnapshotWorld.Chain("base"));
        _world.Layers.Retire(SnapshotWorld.Chain("never"));
        Assert.False(_world.Layers.Exists(SnapshotWorld.Chain("base")));
        Assert.Empty(_world.Layers.ChainIds());
        await _world.Layers.SweepAsync(default);
        Assert.Empty(_world.Entries);
    }

    [Fact]
    public async Task What_can_not_be_deleted_is_tried_again_by_itself()
    {
        var busy = Path.Combine(_world.Below, ".old-7/fs/busy");
        Directory.CreateDirectory(busy);
        MountPoint.Mount("tmpfs", busy, "tmpfs", MountFlags.None, "size=64k");
        try
        {
            await _world.Layers.SweepAsync(default);
            Assert.Equal([".old-7"], _world.Entries);
        }
        finally
        {
            MountPoint.Unmount(busy);
        }

        await TestContext.EventuallyAsync(() => _world.Entries.Count == 0, "the second attempt");
    }

    [Fact]
    public async Task A_sweep_spares_a_draft_that_lives()
    {
        await using var draft = await _world.Layers.UnpackAsync(new MemoryStream(new TarBuilder().File("a").Build()), default);
        await _world.Layers.SweepAsync(default);
        await draft.CommitAsync([SnapshotWorld.Chain("base")], SnapshotWorld.Chain("x"), default);
        Assert.True(_world.Layers.Exists(SnapshotWorld.Chain("base")));
    }

    [Fact]
    public async Task A_layer_deleted_by_hand_does_not_exist_and_can_be_committed_again()
    {
        await _world.CommitAsync(("base", new TarBuilder().File("first")));
        Directory.Delete(Path.Combine(_world.Below, Assert.Single(_world.Entries)), true);
        Assert.False(_world.Layers.Exists(SnapshotWorld.Chain("base")));
        await _world.CommitAsync(("base", new TarBuilder().File("second")));
        Assert.True(_world.Layers.Exists(SnapshotWorld.Chain("base")));
    }

    [Fact]
    public async Task What_a_crash_left_is_cleared_at_the_next_start_and_ids_are_not_used_twice()
    {
        await _world.CommitAsync(("base", new TarBuilder().File("f")));
        Directory.CreateDirectory(Path.Combine(_world.Below, ".new-41/fs/deep"));
        Directory.CreateDirectory(Path.Combine(_world.Below, ".old-42/fs/deep"));
        await _world.RestartAsync();
        await _world.Layers.SweepAsync(default);
        Assert.Equal(["1"], _world.Entries);
        await _world.CommitAsync(("next", new TarBuilder().File("f")));
        Assert.Equal(["1", "43"], _world.Entries);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("{\"schema\":1", true)]
    [InlineData("{\"schema\":99,\"createdAt\":\"2026-01-01T00:00:00Z\"}", true)]
    [InlineData("null", true)]
    public async Task A_record_that_does_not_parse_is_moved_aside_and_stops_nothing(string json, bool kept)
    {
        await _world.CommitAsync(("good", new TarBuilder().File("f")), ("bad", new TarBuilder().File("g")));
        await File.WriteAllTextAsync(Path.Combine(_world.Below, "2", "snapshot.json"), json);
        await _world.RestartAsync();
        await _world.Layers.SweepAsync(default);
        Assert.Equal(kept ? [".bad-2", "1"] : ["1"], _world.Entries);
        Assert.True(_world.Layers.Exists(SnapshotWorld.Chain("good")));
        Assert.False(_world.Layers.Exists(SnapshotWorld.Chain("bad")));
    }

    [Fact]
    public void Directories_are_private()
    {
        using var directory = SafeDirFd.Open(_world.Below);
        Assert.Equal(0x1C0u, directory.Stat().Mode);
    }

    /// <summary>Gives its bytes, then fails as a connection does.</summary>
    private sealed class BreakingStream(byte[] content) : MemoryStream(content)
    {
        public Action? AtEnd { get; init; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = await base.ReadAsync(buffer[..Math.Min(buffer.Length, 700)], cancellationToken);
            if (Position < Length) return count;
            AtEnd?.Invoke();
            return AtEnd is null ? throw new IOException("connection reset") : count;
        }
    }
}
