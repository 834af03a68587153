using Xunit;

namespace ShimRuntime.Linux.Tests.Files;

public sealed class DirectoryTreeTests : IDisposable
{
    private readonly TempDirectory _temp = new();
    private readonly SafeDirFd _root;

    public DirectoryTreeTests() => _root = SafeDirFd.Open(_temp.Path);

    public void Dispose()
    {
        _root.Dispose();
        _temp.Dispose();
    }

    [Fact]
    public void Remove_deletes_everything_but_what_links_point_to()
    {
        File.WriteAllText(Path.Combine(_temp.Make("outside"), "f"), "alive");
        _temp.Make("tree/a/b");
        File.CreateSymbolicLink(Path.Combine(_temp.Path, "tree/link"), Path.Combine(_temp.Path, "outside"));
        for (var i = 0; i < 2000; i++) File.WriteAllText(Path.Combine(_temp.Path, "tree/a", $"file-{i}"), "");
        Assert.True(DirectoryTree.Remove(_root, FileName.Create("tree")));
        Assert.False(DirectoryTree.Remove(_root, FileName.Create("tree")));
        Assert.Equal("alive", File.ReadAllText(Path.Combine(_temp.Path, "outside/f")));
    }

    [Fact]
    public void Remove_of_a_tree_deeper_than_any_path_and_than_the_descriptors()
    {
        _root.MakeDirectory(FileName.Create("deep"));
        var name = FileName.Create(new string('d', 200));
        var current = _root.OpenDirectory(FileName.Create("deep"));
        for (var i = 0; i < 3000; i++)
        {
            current.MakeDirectory(name);
            var next = current.OpenDirectory(name);
            current.Dispose();
            current = next;
        }

        current.Dispose();
        using (var deep = SafeDirFd.Open(Path.Combine(_temp.Path, "deep")))
        {
            Assert.InRange(DirectoryTree.Measure(deep).Inodes, 20, 3001); // as far as a path reaches
        }

        Assert.True(DirectoryTree.Remove(_root, FileName.Create("deep")));
        Assert.Empty(Directory.GetFileSystemEntries(_temp.Path));
    }

    [Fact]
    public void Remove_never_empties_what_is_mounted_inside()
    {
        var mounted = _temp.Make("tree/a/mounted");
        MountPoint.Tmpfs(mounted, 65536, 0x1ED);
        File.WriteAllText(Path.Combine(mounted, "f"), "alive");
        Assert.Throws<LinuxException>(() => DirectoryTree.Remove(_root, FileName.Create("tree")));
        Assert.Equal("alive", File.ReadAllText(Path.Combine(mounted, "f")));
    }

    [Fact]
    public void Remove_of_a_single_file_link_or_node()
    {
        _root.CreateFile(FileName.Create("f")).Dispose();
        _root.MakeSymlink(FileName.Create("l"), "/"u8);
        _root.MakeNode(FileName.Create("n"), (uint)FileKind.CharacterDevice);
        foreach (var name in new[] { "f", "l", "n" }) Assert.True(DirectoryTree.Remove(_root, FileName.Create(name)));
        Assert.Empty(Directory.GetFileSystemEntries(_temp.Path));
    }

    [Fact]
    public void Measure_counts_hard_links_once_holes_never_and_mounts_not()
    {
        using var tree = SafeDirFd.Open(_temp.Make("tree"));
        using (var file = tree.CreateFile(FileName.Create("f")))
        {
            FileMetadata.Write(file, new byte[8192].Select(_ => (byte)1).ToArray(), 0);
            FileMetadata.SetSize(file, 1L << 30);
        }

        tree.MakeLink(FileName.Create("g"), tree, FileName.Create("f"));
        MountPoint.Tmpfs(_temp.Make("tree/d/mounted"), 1 << 20, 0x1ED);
        File.WriteAllText(Path.Combine(_temp.Path, "tree/d/mounted/x"), "x");
        tree.SyncFilesystem();
        var (bytes, inodes) = DirectoryTree.Measure(tree);
        Assert.Equal(4, inodes); // tree, f, d, mounted
        Assert.InRange(bytes, 8192, 64 * 1024);
    }

    [Fact]
    public void Both_stop_when_cancelled()
    {
        _temp.Make("tree/a");
        using var tree = SafeDirFd.Open(Path.Combine(_temp.Path, "tree"));
        Assert.Throws<OperationCanceledException>(() => DirectoryTree.Measure(tree, new CancellationToken(true)));
        Assert.Throws<OperationCanceledException>(() => DirectoryTree.Remove(_root, FileName.Create("tree"), new CancellationToken(true)));
    }
}
