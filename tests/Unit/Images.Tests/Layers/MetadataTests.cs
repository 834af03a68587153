using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Layers;

/// <summary>What a member says about itself arrives on disk.</summary>
public sealed class MetadataTests : IDisposable
{
    private readonly LayerWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(0xDEDu)] // 06755
    [InlineData(0x1B6u)]
    [InlineData(0u)]
    [InlineData(0x3FFu)] // 01777
    public void Mode_owner_and_time_of_every_kind(uint mode)
    {
        var tar = new TarBuilder { Uid = 1234, Gid = 5678, ModifySeconds = 1_234_567_890 };
        tar.Directory("d/", mode).File("d/f", "content", mode).Fifo("d/p", mode).Symlink("d/s", "f").Device('3', "d/c", 1, 3).Device('4', "d/b", 259, 300);
        _world.Add(tar);
        foreach (var path in new[] { "d", "d/f", "d/p", "d/s", "d/c", "d/b" })
        {
            var status = LayerWorld.Stat(_world.Top, path)!.Value;
            Assert.Equal((1234u, 5678u, 1_234_567_890L), (status.Uid, status.Gid, status.ModifyTime.Seconds));
        }

        Assert.Equal((mode, mode, mode), (Mode("d"), Mode("d/f"), Mode("d/p")));
        var device = LayerWorld.Stat(_world.Top, "d/b")!.Value;
        Assert.Equal((FileKind.BlockDevice, 259u, 300u, 0x1B6u), (device.Kind, device.DeviceMajor, device.DeviceMinor, device.Mode));
    }

    [Fact]
    public void A_directory_keeps_its_time_though_entries_come_later()
    {
        _world.Add(new TarBuilder { ModifySeconds = 1000 }.Directory("a/").Directory("a/b/").File("a/b/f").File("a/g").File("h").HardLink("a/l", "h").File("a/g"));
        Assert.Equal((1000L, 1000L), (LayerWorld.Stat(_world.Top, "a")!.Value.ModifyTime.Seconds, LayerWorld.Stat(_world.Top, "a/b")!.Value.ModifyTime.Seconds));
    }

    [Fact]
    public void Pax_overrides_ids_and_times_and_keeps_nanoseconds()
    {
        _world.Add(new TarBuilder().Pax(("uid", "4294967294"), ("gid", "3000000"), ("mtime", "1700000000.123456789")).File("f")
            .Pax(("mtime", "-5.25")).File("before-1970"));
        var status = LayerWorld.Stat(_world.Top, "f")!.Value;
        Assert.Equal((4294967294u, 3000000u, new FileTime(1700000000, 123456789)), (status.Uid, status.Gid, status.ModifyTime));
        Assert.Equal(new FileTime(-6, 750000000), LayerWorld.Stat(_world.Top, "before-1970")!.Value.ModifyTime);
    }

    [Fact]
    public void File_capabilities_and_user_attributes_are_kept_byte_for_byte()
    {
        var capability = new byte[] { 1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }; // VFS_CAP_REVISION_2, effective, CAP_NET_BIND_SERVICE
        _world.Add(new TarBuilder { Uid = 5 }
            .Pax('x', (TarBuilder.Bytes("SCHILY.xattr.security.capability"), capability), (TarBuilder.Bytes("SCHILY.xattr.user.b=\nin"), [0, 10, 255, (byte)'=']))
            .File("f", "x", 0x9ED)
            .Pax(("SCHILY.xattr.user.dir", "on a directory")).Directory("d/"));
        using var root = SafeDirFd.Open(_world.Top);
        Assert.Equal(capability, root.TryGetXattr(FileName.Create("f"), "security.capability"u8));
        Assert.Equal("on a directory", LayerWorld.Xattr(_world.Top, "d", "user.dir"));
        Assert.Equal(0x9EDu, Mode("f"));
        Assert.Equal([255, (byte)'='], root.TryGetXattr(FileName.Create("f"), "user.b"u8)![^2..]);
    }

    [Fact]
    public void User_attributes_of_a_link_are_dropped_and_a_second_directory_member_replaces_the_first()
    {
        _world.Add(new TarBuilder().Pax(("SCHILY.xattr.user.x", "1")).Symlink("s", "t").Pax(("SCHILY.xattr.user.one", "1")).Directory("d/", 0x1C0)
            .Pax(("SCHILY.xattr.user.two", "2")).Directory("d", 0x1ED));
        Assert.Equal(["user.x"], _world.Dropped);
        Assert.Null(LayerWorld.Xattr(_world.Top, "d", "user.one"));
        Assert.Equal("2", LayerWorld.Xattr(_world.Top, "d", "user.two"));
        Assert.Equal(0x1EDu, Mode("d"));
    }

    [Fact]
    public void A_default_ACL_of_a_directory_is_not_passed_on_to_the_members_in_it()
    {
        // version 2; user::rwx, user:7:rwx, group::r-x, mask::rwx, other::r-x
        byte[] acl =
        [
            2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 7, 0, 7, 0, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255,
            16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 5, 0, 255, 255, 255, 255,
        ];
        _world.Add(new TarBuilder().Pax('x', (TarBuilder.Bytes("SCHILY.xattr.system.posix_acl_default"), acl)).Directory("d/").File("d/f").Directory("d/e/"));
        using var root = SafeDirFd.Open(_world.Top);
        if (_world.Dropped.Count == 0) Assert.Equal(acl, root.TryGetXattr(FileName.Create("d"), "system.posix_acl_default"u8));
        Assert.Null(LayerWorld.Xattr(_world.Top, "d/f", "system.posix_acl_access"));
        Assert.Null(LayerWorld.Xattr(_world.Top, "d/e", "system.posix_acl_default"));
        Assert.Equal(0x1A4u, Mode("d/f"));
    }

    [Fact]
    public void A_set_gid_directory_passes_nothing_on_to_implied_directories()
    {
        _world.Add(new TarBuilder { Gid = 99 }.Directory("d/", 0x5ED).File("d/implied/f"));
        var status = LayerWorld.Stat(_world.Top, "d/implied")!.Value;
        Assert.Equal((0x1EDu, 0u), (status.Mode, status.Gid));
        Assert.Equal(0x5EDu, Mode("d"));
    }

    [Fact]
    public void Names_are_bytes()
    {
        byte[] name = [0xff, 0xfe, (byte)'\n', 0x80];
        _world.Add(new TarBuilder().File(name, [1]).Symlink("s", "\u00ff\u00fe"));
        using var root = SafeDirFd.Open(_world.Top);
        Assert.True(FileName.TryCreate(name, out var fileName));
        Assert.Equal(1, root.TryStat(fileName)!.Value.SizeBytes);
        Assert.Equal([0xff, 0xfe], root.ReadLink(FileName.Create("s")));
        Assert.Equal("\\377\\376\\012\\200", fileName.ToString());
    }

    [Fact]
    public void The_roots_own_member_describes_the_root()
    {
        _world.Add(new TarBuilder { Uid = 3 }.Directory("./", 0x1C0).File("./f"));
        using var root = SafeDirFd.Open(_world.Top);
        Assert.Equal((0x1C0u, 3u, 1_600_000_000L), (root.Stat().Mode, root.Stat().Uid, root.Stat().ModifyTime.Seconds));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Kinds_replace_one_another_and_the_last_member_wins(bool directoryLast)
    {
        var tar = new TarBuilder();
        if (directoryLast) tar.File("x", "file").Directory("x/").File("x/inner", "i");
        else tar.Directory("x/").Directory("x/deep/").File("x/deep/f").File("x", "file");
        _world.Add(tar);
        if (directoryLast) Assert.Equal("i", File.ReadAllText(Path.Combine(_world.Top, "x/inner")));
        else Assert.Equal("file", File.ReadAllText(Path.Combine(_world.Top, "x")));
    }

    [Fact]
    public void A_directory_that_was_replaced_and_made_again_is_empty_and_keeps_no_old_time()
    {
        _world.Add(new TarBuilder { ModifySeconds = 77 }.Directory("x/").Directory("x/y/").File("x/y/f").Symlink("x", "z").File("x/new", "n"));
        Assert.Equal("n", File.ReadAllText(Path.Combine(_world.Top, "z/new")));
        Assert.Null(LayerWorld.Stat(_world.Top, "z/y"));
    }

    [Fact]
    public void An_empty_archive_is_an_empty_layer()
    {
        _world.Add([]);
        _world.Add(new byte[1024]);
        _world.Add(new byte[10240]);
        Assert.Empty(Directory.GetFileSystemEntries(_world.Top));
    }

    [Fact]
    public async Task Bytes_behind_the_end_mark_are_read_but_mean_nothing()
    {
        var stream = new MemoryStream([.. new TarBuilder().File("f").Build(), .. new TarBuilder().File("smuggled").Build()]);
        var path = _world.Make("own");
        using var root = SafeDirFd.Open(path);
        using var applier = new LayerApplier(root, _world.Limits);
        await applier.ApplyAsync(stream, CancellationToken.None);
        Assert.Equal(stream.Length, stream.Position);
        Assert.Equal(["f"], Directory.GetFileSystemEntries(path).Select(Path.GetFileName));
    }

    private uint Mode(string path) => LayerWorld.Stat(_world.Top, path)!.Value.Mode;
}
