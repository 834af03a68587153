using Xunit;

namespace ShimRuntime.Linux.Tests.Mounts;

public sealed class MountPointTests : IDisposable
{
    private readonly TempDirectory _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_bind_with_flags_really_has_them()
    {
        var source = _temp.Make("source");
        var target = _temp.Make("a target");
        File.WriteAllText(Path.Combine(source, "f"), "x");
        MountPoint.Bind(source, target, MountFlags.ReadOnly | MountFlags.NoSuid | MountFlags.NoDev | MountFlags.NoExec);
        var mount = MountTable.Read().At(target)!;
        Assert.Contains("ro,nosuid,nodev,noexec", mount.Options, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => File.WriteAllText(Path.Combine(target, "f"), "y"));
    }

    [Fact]
    public void Unmount_says_whether_there_was_a_mount()
    {
        var target = _temp.Make("t");
        Assert.False(MountPoint.Unmount(target));
        Assert.False(MountPoint.Unmount(target + "/missing"));
        MountPoint.Tmpfs(target, 65536, 0x3FF);
        using (var root = SafeDirFd.Open(target)) Assert.Equal(0x3FFu, root.Stat().Mode);
        Assert.True(MountPoint.Unmount(target));
        Assert.Null(MountTable.Read().At(target));
    }

    [Fact]
    public void A_busy_mount_is_EBUSY_and_lazily_detached_on_request()
    {
        var target = _temp.Make("t");
        MountPoint.Tmpfs(target, 65536, 0x1ED);
        using var open = File.Create(Path.Combine(target, "f"));
        Assert.Equal(Errno.EBUSY, Assert.Throws<LinuxException>(() => MountPoint.Unmount(target)).ErrorNumber);
        Assert.True(MountPoint.Unmount(target, lazy: true));
        open.WriteByte(1);
    }

    [Fact]
    public void UnmountBelow_takes_nested_stacked_and_busy_mounts_and_spares_the_neighbour()
    {
        var inner = _temp.Make("tree/inner");
        MountPoint.Tmpfs(_temp.Make("tree-neighbour"), 65536, 0x1ED);
        MountPoint.Tmpfs(inner, 65536, 0x1ED);
        MountPoint.Tmpfs(inner, 65536, 0x1ED);
        MountPoint.Tmpfs(_temp.Make("tree/inner/deep"), 65536, 0x1ED);
        using var busy = File.Create(Path.Combine(inner, "deep", "f"));
        Assert.Equal(3, MountPoint.UnmountBelow(Path.Combine(_temp.Path, "tree")));
        Assert.Empty(MountTable.Read().Below(Path.Combine(_temp.Path, "tree")));
        Assert.NotNull(MountTable.Read().At(Path.Combine(_temp.Path, "tree-neighbour")));
    }

    [Fact]
    public void Propagation_is_set_and_read_back()
    {
        var target = _temp.Make("t");
        MountPoint.Tmpfs(target, 65536, 0x1ED);
        MountPoint.SetPropagation(target, MountPropagation.Shared);
        Assert.NotEqual(0, MountTable.Read().At(target)!.SharedGroup);
        MountPoint.SetPropagation(target, MountPropagation.Private, recursive: true);
        Assert.Equal(0, MountTable.Read().At(target)!.SharedGroup);
    }

    [Fact]
    public void Unmount_does_not_follow_a_link_to_a_mount()
    {
        var target = _temp.Make("t");
        MountPoint.Tmpfs(target, 65536, 0x1ED);
        File.CreateSymbolicLink(Path.Combine(_temp.Path, "link"), target);
        Assert.False(MountPoint.Unmount(Path.Combine(_temp.Path, "link")));
        Assert.NotNull(MountTable.Read().At(target));
    }

    [Fact]
    public void A_path_with_NUL_is_refused() => Assert.Throws<ArgumentException>(() => MountPoint.Unmount(_temp.Path + "\0x"));
}
