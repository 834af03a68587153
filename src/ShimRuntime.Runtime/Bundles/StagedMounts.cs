using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Id-mapped copies of volumes, mounted in the container's run directory from its creation until its runtime has bound them. Longer, and they
/// would keep the file system of a volume busy that kubelet has unmounted.
/// </summary>
internal static class StagedMounts
{
    /// <summary>With what is mounted below, as a bind would be. What is half done when it fails is <see cref="Release"/>'s.</summary>
    /// <exception cref="RuntimeFault">FailedPrecondition: a file system can't be id-mapped; its path and type are named.</exception>
    public static void Make(IdmappedBind bind, SafeFileHandle userNamespace)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(bind.Stage)!);
        if (Directory.Exists(bind.Source)) Directory.CreateDirectory(bind.Stage);
        else File.WriteAllBytes(bind.Stage, []);
        using var copy = DetachedMount.Of(bind.Source, recursive: true);
        // First of all: to unmount below a peer of the host's mount would be to unmount on the host.
        copy.SetPropagation(bind.Follows ? MountPropagation.Slave : MountPropagation.Private, recursive: true);
        try
        {
            copy.MapIds(userNamespace, recursive: true);
        }
        catch (LinuxException e) when (e.ErrorNumber is Errno.EINVAL or Errno.EPERM)
        {
            throw Refusal.Impossible(bind.Field, $"can't be served: {Culprit(bind.Source, userNamespace)}; use another volume, or hostUsers: true");
        }

        copy.MoveTo(bind.Stage);
    }

    /// <summary>
    /// Unmounts and removes all of them. Never recursive: should a copy of the host's directory still be mounted, removing it is EBUSY, and not
    /// the end of the directory's files.
    /// </summary>
    public static void Release(string directory)
    {
        if (!Directory.Exists(directory)) return;
        MountPoint.UnmountBelow(directory);
        foreach (var file in Directory.EnumerateFiles(directory)) File.Delete(file);
        foreach (var stage in Directory.EnumerateDirectories(directory)) Directory.Delete(stage);
        Directory.Delete(directory);
    }

    private static string Culprit(string source, SafeFileHandle userNamespace)
    {
        var table = MountTable.Read();
        var bad = table.Below(source).Prepend(table.Holding(source)).FirstOrDefault(m => m is not null && !CanMap(m.Target, userNamespace));
        return bad is null
            ? $"'{source}' can't be id-mapped"
            : $"'{bad.Target}' is a mount of {bad.Type}, which this kernel can't id-map, or is id-mapped already";
    }

    private static bool CanMap(string path, SafeFileHandle userNamespace)
    {
        try
        {
            using var copy = DetachedMount.Of(path, recursive: false);
            copy.MapIds(userNamespace, recursive: false);
            return true;
        }
        catch (LinuxException)
        {
            return false;
        }
    }
}
