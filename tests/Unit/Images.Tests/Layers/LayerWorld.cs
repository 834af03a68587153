using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Images.Tests.Layers;

/// <summary>
/// A private directory with layers unpacked side by side and committed base first, as the store does it, and real overlay mounts of them.
/// "outside" holds a canary that no archive may touch.
/// </summary>
internal sealed class LayerWorld : IDisposable
{
    private readonly List<string> _layers = [];
    private int _mounts;
    private int _added;

    public LayerWorld(LayerLimits? limits = null)
    {
        Limits = limits ?? new LayerLimits();
        Outside = Make("outside");
        File.WriteAllText(Path.Combine(Outside, "canary"), "alive");
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("shimruntime-layers-").FullName;

    public LayerLimits Limits { get; }

    public string Outside { get; }

    /// <summary>Diff directories, top first.</summary>
    public IReadOnlyList<string> LowerDirs => Enumerable.Reverse(_layers).ToList();

    public string Top => _layers[^1];

    /// <summary>Unpacks and completes one more layer; returns its diff directory.</summary>
    public string Add(TarBuilder tar) => Add(tar.Build());

    public string Add(byte[] tar)
    {
        var path = Make($"layer-{_added++}");
        using var root = SafeDirFd.Open(path);
        using var applier = new LayerApplier(root, Limits);
        applier.ApplyAsync(new MemoryStream(tar), CancellationToken.None).GetAwaiter().GetResult();
        applier.Complete(applier.HidesAllBelow ? [] : LowerDirs, CancellationToken.None);
        Dropped = applier.DroppedXattrs;
        if (applier.HidesAllBelow) _layers.Clear();
        _layers.Add(path);
        return path;
    }

    public IReadOnlyCollection<string> Dropped { get; private set; } = [];

    /// <summary>The fault that this archive ends in, at unpacking or at the commit. Whatever it did, the canary must be as it was.</summary>
    public RuntimeFault Refuse(TarBuilder tar) => Refuse(tar.Build());

    public RuntimeFault Refuse(byte[] tar)
    {
        var fault = Xunit.Assert.Throws<RuntimeFault>(() => Add(tar));
        Xunit.Assert.Equal(["canary"], Directory.GetFileSystemEntries(Outside).Select(Path.GetFileName));
        Xunit.Assert.Equal("alive", File.ReadAllText(Path.Combine(Outside, "canary")));
        return fault;
    }

    /// <summary>All layers as a container would see them.</summary>
    public string Mount()
    {
        var n = _mounts++;
        var target = Make($"merged-{n}");
        OverlayMount.Mount(LowerDirs, Make($"upper-{n}"), Make($"work-{n}"), target);
        return target;
    }

    public string Make(string name) => Directory.CreateDirectory(Path.Combine(Root, name)).FullName;

    /// <summary>What stands at a path, links not followed; null when nothing does.</summary>
    public static FileStatus? Stat(string root, string path)
    {
        using var directory = SafeDirFd.Open(root);
        var file = directory.TryOpen(Encoding.Latin1.GetBytes(path), 0x200000 | 0x20000, ResolveFlags.Beneath); // O_PATH | O_NOFOLLOW
        if (file is null) return null;
        using (file) return FileMetadata.Stat(file);
    }

    public static string? Xattr(string root, string path, string name)
    {
        using var directory = SafeDirFd.Open(Path.Combine(root, Path.GetDirectoryName(path) ?? ""));
        var value = directory.TryGetXattr(FileName.Create(Path.GetFileName(path)), Encoding.Latin1.GetBytes(name));
        return value is null ? null : Encoding.Latin1.GetString(value);
    }

    public void Dispose()
    {
        MountPoint.UnmountBelow(Root);
        using var parent = SafeDirFd.Open(Path.GetDirectoryName(Root)!);
        DirectoryTree.Remove(parent, FileName.Create(Path.GetFileName(Root)));
    }
}
