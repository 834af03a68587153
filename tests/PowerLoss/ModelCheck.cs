using System.Globalization;
using ShimRuntime.Linux;
using ShimRuntime.PowerLoss.Tests.Disk;

namespace ShimRuntime.PowerLoss.Tests;

/// <summary>A recording has holes unless the tree that it leads to is the one that is really there, byte for byte.</summary>
internal static class ModelCheck
{
    public static void Same(DiskModel disk, string root)
    {
        var told = new SortedSet<string>(List(disk, disk.Top, ""), StringComparer.Ordinal);
        var found = new SortedSet<string>(Read(root, ""), StringComparer.Ordinal);
        string[] missing = [.. told.Except(found)], unknown = [.. found.Except(told)];
        Assert.True(missing.Length + unknown.Length == 0, $"only in the model:\n  {string.Join("\n  ", missing)}\nonly on the disk:\n  {string.Join("\n  ", unknown)}");
    }

    private static IEnumerable<string> List(DiskModel disk, Node directory, string prefix)
    {
        foreach (var (name, node) in directory.Names)
        {
            var path = prefix + name;
            yield return Line(path, node.Kind, node.Attributes.Mode, node.Kind == NodeKind.File ? node.Content.Hash : node.Kind == NodeKind.Symlink ? node.Target : "");
            if (node.Kind != NodeKind.Directory || IsWritableLayer(path, p => disk.Find(p) is not null)) continue;
            foreach (var below in List(disk, node, path + "/")) yield return below;
        }
    }

    private static IEnumerable<string> Read(string root, string prefix)
    {
        using var directory = SafeDirFd.Open(Path.Combine(root, prefix));
        foreach (var entry in directory.List())
        {
            var path = prefix + entry.Name;
            var info = new FileInfo(Path.Combine(root, path));
            var kind = entry.Kind switch
            {
                FileKind.Directory => NodeKind.Directory,
                FileKind.Symlink => NodeKind.Symlink,
                FileKind.Regular => NodeKind.File,
                _ => NodeKind.Special,
            };
            var mode = kind == NodeKind.Symlink ? 511 : (uint)info.UnixFileMode;
            yield return Line(path, kind, mode, kind == NodeKind.File ? new Content(File.ReadAllBytes(info.FullName)).Hash : info.LinkTarget ?? "");
            if (kind != NodeKind.Directory || IsWritableLayer(path, p => Directory.Exists(Path.Combine(root, p)))) continue;
            foreach (var below in Read(root, path + "/")) yield return below;
        }
    }

    /// <summary>
    /// What a container writes reaches a writable layer (fs beside work) through overlayfs, in no system call on this path; no start reads it.
    /// </summary>
    private static bool IsWritableLayer(string path, Func<string, bool> exists) => path.Split('/') switch
    {
        ["snapshots", _, "work"] => true,
        ["snapshots", var id, "fs"] => exists($"snapshots/{id}/work"),
        _ => false,
    };

    private static string Line(string path, NodeKind kind, uint mode, string what) =>
        string.Create(CultureInfo.InvariantCulture, $"{path} {kind} {Convert.ToString(mode, 8)} {what}");
}
