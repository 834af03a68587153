using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>CRI's mount_options: flags of mount(2) that only take power away, or say how times are kept.</summary>
internal static class MountOptions
{
    private static readonly string[] Allowed = ["noatime", "nodev", "nodiratime", "noexec", "nosuid", "relatime"];

    /// <summary>Each once, in the request's order; InvalidArgument for any other.</summary>
    public static IReadOnlyList<string> Of(Mount mount, string field)
    {
        var asked = mount.MountOptions.Distinct().ToList();
        return asked.Find(o => !Allowed.Contains(o)) is { } other
            ? throw Refusal.Invalid($"{field}.mount_options", $"'{ContainerPath.Show(other)}' is none of {string.Join(", ", Allowed)}")
            : asked;
    }
}
