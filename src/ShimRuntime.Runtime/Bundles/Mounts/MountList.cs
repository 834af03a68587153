namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// All mounts in order: the default file systems that nobody replaced, then bind mounts from the root down, so that a mount on a directory
/// never hides one below it.
/// </summary>
internal static class MountList
{
    public static MountPlan Build(BundleRequest request, IHostView host)
    {
        var context = request.Config.Linux?.SecurityContext;
        var requested = new RequestMounts(host, request);
        var own = requested.Build(request.Config);
        var taken = own.Select(m => m.Destination).ToHashSet();
        var volumes = ImageVolumes.Plan(request.Image, request.VolumesDirectory, taken);
        var binds = SandboxMounts.Build(request.Sandbox, context?.ReadonlyRootfs ?? false)
            .Where(m => !taken.Contains(m.Destination))
            .Concat(volumes.Select(ImageVolumes.ToMount))
            .Concat(own)
            .OrderBy(m => ContainerPath.Depth(m.Destination)); // LINQ's order is stable
        var defaults = DefaultMounts.Build(context?.Privileged ?? false, request.Sandbox.Users?.Gids).Where(m => !IsReplaced(m.Destination, taken));
        return new MountPlan(
            [.. defaults, .. binds], requested.RootfsPropagation, requested.MissingHostDirectories, volumes, requested.IdmappedBinds);
    }

    // A /dev of the request's own comes with its own pts and mqueue.
    private static bool IsReplaced(string destination, HashSet<string> taken) =>
        taken.Contains(destination) || (taken.Contains("/dev") && ContainerPath.IsWithin(destination, "/dev"));
}
