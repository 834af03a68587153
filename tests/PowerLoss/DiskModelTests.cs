using System.Text;
using ShimRuntime.PowerLoss.Tests.Disk;

namespace ShimRuntime.PowerLoss.Tests;

/// <summary>The judge's own exam: what a disk may look like after a power loss, in cases that everybody can decide.</summary>
public sealed class DiskModelTests
{
    private static readonly Attributes Plain = new(384, 0, 0);
    private readonly DiskModel _disk = new();

    [Fact]
    public void ARenameWithoutFsyncMayLeaveAnEmptyTornOrZeroedFileOrTheOldOne()
    {
        Durable("record", "old");
        Replace("record", "new content");
        Assert.Superset(new HashSet<string?> { "old", "", "new content", "new c\0\0\0\0\0\0", "new c", "\0\0\0\0\0\0\0\0\0\0\0" }, Seen("record"));
    }

    [Fact]
    public void AfterFsyncARenameLeavesTheOldOrTheNewFileWhole()
    {
        Durable("record", "old");
        Replace("record", "new", sync: true);
        Assert.Equal("new old", string.Join(' ', Seen("record").Order()));
    }

    [Fact]
    public void AfterFsyncOfTheDirectoryThereIsOneDisk()
    {
        Durable("record", "old");
        Replace("record", "new", sync: true);
        Sync("");
        Assert.Single(CrashImages.Of(_disk).Select(i => i.Image.Key).Distinct());
        Assert.Equal("new", Assert.Single(Seen("record")));
    }

    [Fact]
    public void ANewDirectoryIsLostWithAllInItUntilItsParentIsSynced()
    {
        _disk.Create("images", NodeKind.Directory, Plain);
        Durable("images/record", "whole", "images");
        Assert.Contains((string?)null, Seen("images/record"));
        Sync("");
        Assert.Equal("whole", Assert.Single(Seen("images/record")));
    }

    [Fact]
    public void NamesOfTwoDirectoriesReachTheDiskInAnyOrder()
    {
        _disk.Create("a", NodeKind.Directory, Plain);
        _disk.Create("b", NodeKind.Directory, Plain);
        Sync("");
        _disk.Create("a/first", NodeKind.File, Plain);
        _disk.Create("b/second", NodeKind.File, Plain);
        var seen = CrashImages.Of(_disk).Select(i => string.Join(' ', i.Image.Entries.Where(e => e.Node.Kind == NodeKind.File).Select(e => e.Path))).ToHashSet();
        Assert.Superset(new HashSet<string> { "", "a/first", "b/second", "a/first b/second" }, seen);
    }

    [Fact]
    public void WhatIsWrittenWhileASyncRunsIsNotInIt()
    {
        Durable("record", "");
        var node = _disk.Get("record");
        _disk.Write(node, 0, "before"u8);
        var sync = _disk.BeginSync(node);
        _disk.Write(node, 6, " after"u8);
        sync();
        Assert.Equal("before", Text(node.DurableContent));
        Assert.True(node.IsDirty);
    }

    [Fact]
    public void SyncfsMakesEverythingDurable()
    {
        _disk.Create("layer", NodeKind.Directory, Plain);
        Replace("layer/file", "content");
        _disk.BeginSync(null)();
        Assert.Equal("content", Assert.Single(Seen("layer/file")));
    }

    /// <summary>Content of the path in every disk; null: it is not there.</summary>
    private HashSet<string?> Seen(string path) =>
        [.. CrashImages.Of(_disk).Select(i => i.Image.Entries.FirstOrDefault(e => e.Path == path) is { } entry ? Text(entry.Content) : null)];

    private void Durable(string path, string content, string directory = "")
    {
        Replace(path, content, sync: true);
        Sync(directory);
    }

    private void Replace(string path, string content, bool sync = false)
    {
        var node = _disk.Create(path + ".tmp", NodeKind.File, Plain);
        _disk.Write(node, 0, Encoding.UTF8.GetBytes(content));
        if (sync) _disk.BeginSync(node)();
        _disk.Rename(path + ".tmp", path);
    }

    private void Sync(string directory) => _disk.BeginSync(_disk.Get(directory))();

    private static string Text(Content content) => Encoding.UTF8.GetString(content.Bytes);
}
