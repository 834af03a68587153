using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// A mount whose source is an image (CRI's Mount.image, KEP-4639). It is read-only whatever readonly says, because CRI defines it so, and
/// gives neither devices nor set-user-ID programs to the container. Nothing is ever mounted below it: any propagation means private.
/// </summary>
internal static class ImageMount
{
    private static readonly string[] Restrictions = ["nosuid", "nodev"];

    public static bool IsAsked(Mount mount) => mount.Image is not null || mount.ImageSubPath.Length > 0;

    /// <summary>What is wrong by the request's words alone. InvalidArgument with the field's name.</summary>
    public static void Check(Mount mount, string field)
    {
        if (mount.Image is null) throw Refusal.Invalid($"{field}.image_sub_path", "is given without image; give both, or neither");
        if (mount.Image.Image.Length == 0) throw Refusal.Invalid($"{field}.image.image", "is empty; name an image of this node");
        if (mount.HostPath.Length > 0) throw Refusal.Invalid($"{field}.host_path", "is given beside image; give one");
        if (!Enum.IsDefined(mount.Propagation)) throw Refusal.Invalid($"{field}.propagation", $"{(int)mount.Propagation} is unknown");
        if (mount.ImageSubPath.Length > 0) CheckSubPath(mount.ImageSubPath, $"{field}.image_sub_path");
        RequestMounts.Destination(mount, field);
        MountOptions.Of(mount, field);
    }

    /// <param name="source">Where the image, or the part of it, is mounted on the host.</param>
    public static MountSpec ToSpec(Mount mount, string field, string source) => new()
    {
        Destination = RequestMounts.Destination(mount, field),
        Type = "bind",
        Source = source,
        Options = ["bind", "rprivate", .. Restrictions.Union(MountOptions.Of(mount, field)), "ro"],
    };

    private static void CheckSubPath(string path, string field)
    {
        if (path[0] == '/') throw Refusal.Invalid(field, $"'{ContainerPath.Show(path)}' is absolute; give it relative to the image's root");
        ContainerPath.Clean("/" + path, field);
    }
}
