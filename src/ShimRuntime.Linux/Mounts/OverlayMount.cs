using System.Text;

namespace ShimRuntime.Linux;

/// <summary>
/// Mounts an overlay file system (Documentation/filesystems/overlayfs.rst). mount(2) takes one page of options and overlayfs gives ':',
/// ',' and '\' a meaning of their own, so a list that is too long, or a path with such a character, is given as /proc/self/fd/N of
/// directories opened for the call: about 200 layers fit, however long their paths are.
/// </summary>
public static class OverlayMount
{
    private const int PageSizeBytes = 4096;
    private static readonly bool HasIndexOption = File.Exists("/sys/module/overlay/parameters/index");

    /// <summary>A writable overlay; nothing stays open.</summary>
    /// <param name="lowerDirs">Absolute paths, top layer first; at least one.</param>
    /// <param name="workDir">An empty directory on the file system of <paramref name="upperDir"/>.</param>
    public static void Mount(IReadOnlyList<string> lowerDirs, string upperDir, string workDir, string target,
        MountFlags flags = MountFlags.None) =>
        MountLayers(lowerDirs, [upperDir, workDir], target, flags);

    /// <summary>A read-only view of layers; a single layer is bind-mounted, because overlayfs wants two.</summary>
    /// <param name="flags">Beside <see cref="MountFlags.ReadOnly"/>.</param>
    public static void MountReadOnly(IReadOnlyList<string> lowerDirs, string target, MountFlags flags = MountFlags.None)
    {
        if (lowerDirs.Count == 1) MountPoint.Bind(lowerDirs[0], target, MountFlags.ReadOnly | flags);
        else MountLayers(lowerDirs, [], target, MountFlags.ReadOnly | flags);
    }

    /// <summary>
    /// Whether an overlay writes to this directory, as far as the mount table tells: one whose directories were given as descriptors may write to
    /// any.
    /// </summary>
    public static bool MayBeUpper(string upperDir) => MountTable.Read().Mounts.Where(m => m.Type == "overlay").SelectMany(m => m.SuperOptions.Split(','))
        .Any(o => o == $"upperdir={upperDir}" || o.StartsWith("upperdir=/proc/self/fd/", StringComparison.Ordinal));

    /// <summary>The option string, or null when it would not fit a page or a path needs escaping.</summary>
    internal static string? PlainOptions(IReadOnlyList<string> lowerDirs, IReadOnlyList<string> upperAndWork)
    {
        if (lowerDirs.Concat(upperAndWork).Any(p => p.AsSpan().ContainsAny(':', ',', '\\'))) return null;
        var options = Options(lowerDirs, upperAndWork);
        return Encoding.UTF8.GetByteCount(options) < PageSizeBytes ? options : null;
    }

    private static void MountLayers(IReadOnlyList<string> lowerDirs, IReadOnlyList<string> upperAndWork, string target, MountFlags flags)
    {
        if (lowerDirs.Count == 0) throw new ArgumentException("an overlay needs at least one lower directory", nameof(lowerDirs));
        var options = PlainOptions(lowerDirs, upperAndWork);
        if (options is not null) MountPoint.Mount("overlay", target, "overlay", flags, options);
        else MountByDescriptors(lowerDirs, upperAndWork, target, flags);
    }

    private static void MountByDescriptors(IReadOnlyList<string> lowerDirs, IReadOnlyList<string> upperAndWork, string target,
        MountFlags flags)
    {
        var opened = new List<SafeDirFd>(lowerDirs.Count + upperAndWork.Count);
        try
        {
            foreach (var path in lowerDirs.Concat(upperAndWork)) opened.Add(SafeDirFd.Open(path));
            var names = opened.ConvertAll(d => d.ProcPath);
            var options = Options(names.GetRange(0, lowerDirs.Count), names.GetRange(lowerDirs.Count, upperAndWork.Count));
            if (options.Length >= PageSizeBytes)
            {
                var needed = $"{lowerDirs.Count} layers need {options.Length} bytes of options and the kernel takes {PageSizeBytes - 1}";
                throw RuntimeFault.FailedPrecondition($"failed to mount overlay '{target}': {needed}; squash layers of the image");
            }

            MountPoint.Mount("overlay", target, "overlay", flags, options);
        }
        finally
        {
            foreach (var directory in opened) directory.Dispose();
        }
    }

    // index=off: an upper directory left by a crash mounts again even where the kernel's default would bind it to its old lower.
    private static string Options(IReadOnlyList<string> lowerDirs, IReadOnlyList<string> upperAndWork)
    {
        var options = new StringBuilder("lowerdir=").AppendJoin(':', lowerDirs);
        if (upperAndWork.Count == 2) options.Append(",upperdir=").Append(upperAndWork[0]).Append(",workdir=").Append(upperAndWork[1]);
        if (HasIndexOption) options.Append(",index=off");
        return options.ToString();
    }
}
