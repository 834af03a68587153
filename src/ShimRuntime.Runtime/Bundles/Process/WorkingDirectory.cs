using System.Text.RegularExpressions;
using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// cwd: the request's, else the image's, else "/". A directory that is missing is made by runc. One that leads through another
/// process's view of the file system, directly or by a symbolic link of the image, is refused (CVE-2024-21626).
/// </summary>
internal static partial class WorkingDirectory
{
    public static string Resolve(ContainerConfig config, ImageConfig image, RootfsView rootfs)
    {
        var (path, field) = config.WorkingDir.Length > 0 ? (config.WorkingDir, "working_dir") : (image.WorkingDir ?? "", "image WorkingDir");
        if (path.Length == 0) return "/";
        var clean = ContainerPath.Clean(path, field);
        if (MagicPath().IsMatch(clean) || MagicPath().IsMatch(rootfs.FollowLinks(clean)))
        {
            throw Refusal.Invalid(field, $"'{ContainerPath.Show(path)}' leads through /proc to a directory outside the container");
        }

        return clean;
    }

    [GeneratedRegex("^/proc/(self|thread-self|[0-9]+)(/|$)")]
    private static partial Regex MagicPath();
}
