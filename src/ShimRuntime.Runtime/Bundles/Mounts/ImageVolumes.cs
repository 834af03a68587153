using System.Globalization;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// The image's VOLUMEs: each gets a directory of this container alone, unless the request mounts something there. The directories are
/// numbered, so that no name of the image becomes a name on the host.
/// </summary>
internal static class ImageVolumes
{
    private const int MaxVolumes = 256;

    /// <param name="taken">Destinations that the request mounts itself.</param>
    public static IReadOnlyList<ImageVolume> Plan(ImageConfig image, string directory, IReadOnlySet<string> taken)
    {
        const string Field = "image Volumes";
        var paths = (image.Volumes ?? new Dictionary<string, EmptyObject>()).Keys
            .Where(path => path.Length > 0)
            .Select(path => ContainerPath.Clean(path[0] == '/' ? path : "/" + path, Field))
            .Where(path => !taken.Contains(path))
            .Distinct()
            .Order(StringComparer.Ordinal)
            .ToList();
        if (paths.Count > MaxVolumes) throw Refusal.Invalid(Field, $"has more than {MaxVolumes} entries");
        if (paths.Contains("/")) throw Refusal.Invalid(Field, "contains '/': the root file system can't be a volume");
        return paths.Select((path, i) => new ImageVolume(path, Path.Combine(directory, i.ToString(CultureInfo.InvariantCulture)))).ToList();
    }

    public static MountSpec ToMount(ImageVolume volume) => new()
    {
        Destination = volume.ContainerPath,
        Type = "bind",
        Source = volume.HostPath,
        Options = ["rbind", "rprivate", "rw"],
    };
}
