using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Makes on the host what a bundle needs before it can run: missing bind sources, which stay like those of any runtime, and the image's
/// volumes, which belong to the container and go with its volumes directory.
/// </summary>
public static class BundleDirectories
{
    /// <summary>Safe to repeat: what exists is left alone, and a volume is filled only when it is new.</summary>
    /// <param name="rootfsPath">Where the volumes' first content is taken from.</param>
    public static void Make(Bundle bundle, string rootfsPath, CancellationToken cancellation = default)
    {
        foreach (var path in bundle.MissingHostDirectories) MakeHostDirectory(path);
        if (bundle.IdmappedBinds.Count > 0)
        {
            using var user = File.OpenHandle(bundle.UserNamespace!);
            foreach (var bind in bundle.IdmappedBinds) StagedMounts.Make(bind, user);
        }

        if (bundle.Volumes.Count == 0) return;
        using var rootfs = SafeDirFd.Open(rootfsPath);
        foreach (var volume in bundle.Volumes) MakeVolume(volume, rootfs, bundle.UserNamespace is null, cancellation);
    }

    private static void MakeHostDirectory(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refusal.Impossible("mounts", $"names '{path}', which does not exist and can't be made: {e.Message}");
        }
    }

    private static void MakeVolume(ImageVolume volume, SafeDirFd rootfs, bool devices, CancellationToken cancellation)
    {
        if (Directory.Exists(volume.HostPath)) return;
        // Filled beside its name and renamed: a create that dies half-way leaves no half-filled volume behind.
        var temp = volume.HostPath + ".new";
        Remove(temp);
        Directory.CreateDirectory(temp);
        using (var source = Source(volume, rootfs))
        using (var target = SafeDirFd.Open(temp))
        {
            if (source is not null) VolumeCopy.Fill(source, target, devices, cancellation);
        }

        Directory.Move(temp, volume.HostPath);
    }

    private static void Remove(string directory)
    {
        if (!Directory.Exists(directory)) return;
        using var parent = SafeDirFd.Open(Path.GetDirectoryName(directory)!);
        DirectoryTree.Remove(parent, FileName.Create(Path.GetFileName(directory)));
    }

    /// <summary>The image's directory, found inside the rootfs whatever its links say (CVE-2022-23648); null: the image has none.</summary>
    private static SafeDirFd? Source(ImageVolume volume, SafeDirFd rootfs)
    {
        try
        {
            return rootfs.TryOpenDirectory(Encoding.UTF8.GetBytes(volume.ContainerPath), ResolveFlags.InRoot | ResolveFlags.NoMagicLinks);
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.ELOOP)
        {
            throw Refusal.Invalid("image Volumes", $"'{volume.ContainerPath}' is a loop of symbolic links in the image");
        }
    }
}
