using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// The images that a container mounts (Mount.image): found before anything is made, mounted before config.json is written. Each image
/// once, read-only, below the run directory; a sub-path is a mount of its own, made from the descriptor that was checked, so that runc
/// looks up nothing that an image says. All go with the run directory.
/// </summary>
internal sealed class ImageVolumeMounts
{
    // What kubelet's and other runtimes' users look for in the sentence (cri-api, pkg/errors).
    private const string Known = "ImageVolumeMountFailed";
    private const int O_PATH = 0x200000;
    private const MountFlags Flags = MountFlags.NoSuid | MountFlags.NoDev;
    private const ResolveFlags Confined = ResolveFlags.Beneath | ResolveFlags.NoMagicLinks | ResolveFlags.NoMounts;
    private readonly List<ImageRecord> _images = [];
    private readonly List<(int Number, Mount Mount, int Image)> _mounts = [];

    private ImageVolumeMounts()
    {
    }

    /// <summary>Each once, in the order of their first mount: what the container's snapshot has to hold.</summary>
    public IReadOnlyList<ImageRecord> Images => _images;

    /// <summary>Looks and changes nothing. InvalidArgument names the field; NotFound: kubelet pulls an image before it asks for its mount.</summary>
    public static ImageVolumeMounts Find(ContainerConfig config, IImageStore images)
    {
        var found = new ImageVolumeMounts();
        for (var i = 0; i < config.Mounts.Count; i++)
        {
            var (mount, field) = (config.Mounts[i], $"mounts[{i}]");
            if (!ImageMount.IsAsked(mount)) continue;
            ImageMount.Check(mount, field);
            var image = images.Find(mount.Image.Image) ?? throw RuntimeFault.NotFound(
                $"failed to create container: {Known}: {field}.image '{ContainerPath.Show(mount.Image.Image)}' is not on this node; pull it first");
            var index = found._images.FindIndex(known => known.Id == image.Id);
            if (index < 0)
            {
                index = found._images.Count;
                found._images.Add(image);
            }

            found._mounts.Add((i, mount, index));
        }

        return found;
    }

    /// <summary>Mounts all. Returns where each is, by the number of its mount; the owner of the directory unmounts.</summary>
    /// <param name="snapshot">The container's; it holds <see cref="Images"/>.</param>
    /// <param name="layers">Of the pod.</param>
    /// <param name="directory">Made here.</param>
    public IReadOnlyDictionary<int, string> Make(Snapshot snapshot, PodLayers layers, string directory)
    {
        var places = new Dictionary<int, string>();
        if (_mounts.Count == 0) return places;
        PassableDirectory.Make(directory, layers.Users);
        for (var i = 0; i < _images.Count; i++)
        {
            var whole = Place(directory, "image", i);
            Directory.CreateDirectory(whole);
            layers.MountReadOnly(snapshot.Mounted[i], whole, Flags);
        }

        foreach (var (number, mount, image) in _mounts)
        {
            var whole = Place(directory, "image", image);
            places[number] = mount.ImageSubPath.Length == 0 ? whole : MakePart(whole, mount.ImageSubPath, Place(directory, "part", number), number);
        }

        return places;
    }

    /// <summary>Where <see cref="Make"/> has put them, for a later generation of the same container.</summary>
    public IReadOnlyDictionary<int, string> Made(string directory)
    {
        var places = new Dictionary<int, string>();
        foreach (var (number, mount, image) in _mounts)
            places[number] = mount.ImageSubPath.Length == 0 ? Place(directory, "image", image) : Place(directory, "part", number);
        return places;
    }

    private static string MakePart(string whole, string subPath, string place, int number)
    {
        using var part = Open(whole, subPath, number);
        switch (FileMetadata.Stat(part).Kind)
        {
            case FileKind.Directory:
                Directory.CreateDirectory(place);
                break;
            case FileKind.Regular:
                File.OpenHandle(place, FileMode.CreateNew, FileAccess.Write).Dispose();
                break;
            default:
                throw Refuse(number, subPath, "is neither a directory nor a regular file");
        }

        // A bind carries the flags of the mount that it is taken from.
        MountPoint.Bind($"/proc/self/fd/{part.DangerousGetHandle()}", place);
        return place;
    }

    private static SafeFileHandle Open(string whole, string subPath, int number)
    {
        using var root = SafeDirFd.Open(whole);
        try
        {
            return root.TryOpen(Encoding.UTF8.GetBytes(subPath), O_PATH, Confined) ?? throw Refuse(number, subPath, "does not exist in the image");
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.EXDEV)
        {
            throw Refuse(number, subPath, "leads out of the image by a symbolic link");
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.ELOOP)
        {
            throw Refuse(number, subPath, "is a loop of symbolic links");
        }
    }

    private static RuntimeFault Refuse(int number, string subPath, string cause) => RuntimeFault.InvalidArgument(
        $"failed to create container: {Known}: mounts[{number}].image_sub_path '{ContainerPath.Show(subPath)}' {cause}");

    private static string Place(string directory, string kind, int number) =>
        Path.Combine(directory, kind + number.ToString(CultureInfo.InvariantCulture));
}
