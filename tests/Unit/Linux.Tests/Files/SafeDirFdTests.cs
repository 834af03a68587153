using Xunit;

namespace ShimRuntime.Linux.Tests.Files;

public sealed class SafeDirFdTests : IDisposable
{
    private const int O_PATH = 0x200000, O_NOFOLLOW = 0x20000;
    private readonly TempDirectory _temp = new();
    private readonly SafeDirFd _root;

    public SafeDirFdTests()
    {
        _root = SafeDirFd.Open(_temp.Make("root"));
        File.WriteAllText(Path.Combine(_temp.Path, "secret"), "outside");
    }

    public void Dispose()
    {
        _root.Dispose();
        _temp.Dispose();
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("/etc/passwd")]
    [InlineData("up/secret")]
    [InlineData("abs")]
    public void Beneath_refuses_every_way_out(string path)
    {
        _root.MakeSymlink(Name("up"), ".."u8);
        _root.MakeSymlink(Name("abs"), "/etc/passwd"u8);
        var error = Assert.Throws<LinuxException>(() => _root.TryOpen(Bytes(path), 0, ResolveFlags.Beneath));
        Assert.Equal(Errno.EXDEV, error.ErrorNumber);
    }

    [Fact]
    public void In_root_treats_the_directory_as_slash()
    {
        _root.MakeSymlink(Name("abs"), "/../../secret"u8);
        using (var file = _root.CreateFile(Name("secret"))) FileMetadata.Write(file, "inside"u8, 0);
        foreach (var path in new[] { "abs", "../secret", "/secret", "/../../../secret" })
        {
            using var file = new FileStream(_root.TryOpen(Bytes(path), 0, ResolveFlags.InRoot)!, FileAccess.Read);
            using var reader = new StreamReader(file);
            Assert.Equal("inside", reader.ReadToEnd());
        }
    }

    [Fact]
    public void Links_magic_links_and_mounts_are_refused_on_request()
    {
        _root.MakeSymlink(Name("link"), "d"u8);
        _root.MakeDirectory(Name("d"));
        MountPoint.Tmpfs(Path.Combine(_temp.Path, "root", "d"), 65536, 0x1ED);
        Assert.Equal(Errno.ELOOP, Assert.Throws<LinuxException>(() => _root.TryOpen("link"u8.ToArray(), O_PATH, ResolveFlags.NoSymlinks)).ErrorNumber);
        Assert.Equal(Errno.EXDEV, Assert.Throws<LinuxException>(() => _root.TryOpen("d"u8.ToArray(), O_PATH, ResolveFlags.NoMounts)).ErrorNumber);
        using var proc = SafeDirFd.Open($"/proc/{Environment.ProcessId}");
        Assert.Equal(Errno.ELOOP, Assert.Throws<LinuxException>(() => proc.TryOpen("exe"u8.ToArray(), O_PATH, ResolveFlags.NoMagicLinks)).ErrorNumber);
    }

    [Fact]
    public void Missing_names_are_null_and_existing_ones_are_never_overwritten()
    {
        Assert.Null(_root.TryOpen("no/such"u8, 0, ResolveFlags.Beneath));
        Assert.Null(_root.TryOpenDirectory(Name("no")));
        Assert.Null(_root.TryStat(Name("no")));
        Assert.False(_root.Unlink(Name("no")));
        _root.MakeSymlink(Name("dangling"), "nowhere"u8);
        Assert.Equal(Errno.EEXIST, Assert.Throws<LinuxException>(() => _root.CreateFile(Name("dangling"))).ErrorNumber);
        Assert.Equal(Errno.EEXIST, Assert.Throws<LinuxException>(() => _root.MakeDirectory(Name("dangling"))).ErrorNumber);
        Assert.False(File.Exists(Path.Combine(_temp.Path, "root", "nowhere")));
    }

    [Fact]
    public void Metadata_calls_touch_the_link_and_not_what_it_points_to()
    {
        using (_root.CreateFile(Name("target"))) _root.MakeSymlink(Name("link"), "target"u8);
        _root.SetOwner(Name("link"), 5, 6);
        _root.SetTimes(Name("link"), new FileTime(1, 2), new FileTime(3, 4));
        _root.SetXattr(Name("link"), "trusted.t"u8, "link"u8);
        Assert.Throws<LinuxException>(() => _root.SetMode(Name("link"), 0x1FF));
        Assert.Equal((0u, 0x180u), (_root.TryStat(Name("target"))!.Value.Uid, _root.TryStat(Name("target"))!.Value.Mode));
        Assert.Equal((5u, 6u, new FileTime(3, 4)), (_root.TryStat(Name("link"))!.Value.Uid, _root.TryStat(Name("link"))!.Value.Gid, _root.TryStat(Name("link"))!.Value.ModifyTime));
        Assert.Null(_root.TryGetXattr(Name("target"), "trusted.t"u8));
        Assert.Equal("link"u8.ToArray(), _root.TryGetXattr(Name("link"), "trusted.t"u8));
        Assert.Equal("trusted.t"u8.ToArray(), Assert.Single(_root.ListXattrs(Name("link"))));
    }

    [Fact]
    public void Attributes_of_a_directory_are_set_listed_read_and_removed()
    {
        var large = new byte[1000];
        _root.SetXattr("user.large"u8, large);
        _root.SetXattr("user.empty"u8, []);
        Assert.Equal(large, _root.TryGetXattr("user.large"u8));
        Assert.Empty(_root.TryGetXattr("user.empty"u8)!);
        Assert.Equal(2, _root.ListXattrs().Count);
        _root.RemoveXattr("user.large"u8);
        _root.RemoveXattr("user.large"u8);
        Assert.Null(_root.TryGetXattr("user.large"u8));
    }

    [Fact]
    public void Nodes_links_and_renames()
    {
        _root.MakeNode(Name("whiteout"), (uint)FileKind.CharacterDevice);
        _root.MakeNode(Name("device"), (uint)FileKind.BlockDevice | 0x180, 4095, (1 << 20) - 1);
        Assert.True(_root.TryStat(Name("whiteout"))!.Value.IsWhiteout);
        Assert.Equal((4095u, (1u << 20) - 1), (_root.TryStat(Name("device"))!.Value.DeviceMajor, _root.TryStat(Name("device"))!.Value.DeviceMinor));
        using (var file = _root.CreateFile(Name("f"))) _root.MakeLink(Name("g"), file);
        _root.MakeLink(Name("h"), _root, Name("g"));
        Assert.Equal(3u, _root.TryStat(Name("f"))!.Value.LinkCount);
        Assert.Equal(Errno.EEXIST, Assert.Throws<LinuxException>(() => _root.Rename(Name("whiteout"), _root, Name("f"), RenameFlags.NoReplace)).ErrorNumber);
        _root.Rename(Name("whiteout"), _root, Name("f"), RenameFlags.Exchange);
        Assert.True(_root.TryStat(Name("f"))!.Value.IsWhiteout);
    }

    [Fact]
    public void A_listing_is_complete_for_many_and_strange_names()
    {
        Assert.True(FileName.TryCreate([0xff, (byte)'\n'], out var strange));
        _root.CreateFile(strange).Dispose();
        for (var i = 0; i < 3000; i++) _root.MakeSymlink(Name($"a-rather-long-name-{i}"), "x"u8);
        var entries = _root.List();
        Assert.Equal(3001, entries.Select(e => e.Name).Distinct().Count());
        Assert.Contains(entries, e => e.Name == strange && e.Kind == FileKind.Regular);
        Assert.Equal(3001, _root.List().Count);
        Assert.InRange(_root.ListSome().Count, 1, 2000);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a\0b")]
    public void These_are_no_file_names(string name)
    {
        Assert.False(FileName.TryCreate(Bytes(name), out _));
        Assert.Throws<ArgumentException>(() => FileName.Create(name));
    }

    [Fact]
    public void A_file_name_has_at_most_255_bytes()
    {
        Assert.True(FileName.TryCreate(new byte[255].Select(_ => (byte)'n').ToArray(), out _));
        Assert.False(FileName.TryCreate(new byte[256].Select(_ => (byte)'n').ToArray(), out _));
    }

    [Fact]
    public void A_closed_directory_says_so()
    {
        var directory = _root.Duplicate();
        directory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => directory.TryStat(Name("x")));
        using var again = _root.TryOpen("."u8, O_PATH | O_NOFOLLOW, ResolveFlags.Beneath);
        Assert.Equal(FileKind.Directory, FileMetadata.Stat(again!).Kind);
    }

    private static FileName Name(string name) => FileName.Create(name);

    private static byte[] Bytes(string text) => System.Text.Encoding.Latin1.GetBytes(text);
}
