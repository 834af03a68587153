using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Cdi;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Node;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// CreateContainer's decisions: request + pod + image + host → config.json. Reads the host and the mounted rootfs, changes nothing; what it
/// returns is a function of what it is given. Everything that can be wrong is refused here with the field's name, so that Start only runs.
/// </summary>
/// <param name="seccompDefault">False: RuntimeDefault means unconfined (RuntimeOptions.SeccompDefault).</param>
/// <param name="apparmorDefault">What RuntimeDefault means (RuntimeOptions.ApparmorProfile).</param>
public sealed class SpecBuilder(IHostView host, bool seccompDefault = true, string apparmorDefault = ApparmorProfile.Name)
{
    // What runc 1.1 and newer accept; nothing that is emitted needs more.
    private const string OciVersion = "1.0.2";

    /// <summary>Throws RuntimeFault: InvalidArgument (the request), FailedPrecondition (this node), Unimplemented (this release).</summary>
    public Bundle Build(BundleRequest request)
    {
        ConfigChecks.Check(request.Config, request.Sandbox);
        var asked = request.Config.Linux?.Resources ?? new LinuxContainerResources();
        ResourceTranslator.Validate(asked, host.Facts, "failed to create container");

        var mounts = MountList.Build(request, host);
        var process = BuildProcess(request, asked);
        var resources = asked.Clone();
        resources.OomScoreAdj = process.OomScoreAdj!.Value;
        return new Bundle
        {
            Spec = new CdiInjection(host, request.Sandbox.Users).Apply(BuildSpec(request, process, mounts, asked), request.Cdi),
            User = UserResolver.ToStatus(process.User),
            Resources = ResourceTranslator.ToShim(asked, host.Facts),
            ResourcesInForce = resources,
            StopSignal = StopSignals.Choose(request.Config.StopSignal, request.Image.StopSignal),
            MissingHostDirectories = mounts.MissingHostDirectories,
            Volumes = mounts.Volumes,
            IdmappedBinds = mounts.IdmappedBinds,
            UserNamespace = request.Sandbox.UserNamespace,
        };
    }

    private RuntimeSpec BuildSpec(BundleRequest request, ProcessSpec process, MountPlan mounts, LinuxContainerResources asked)
    {
        var context = request.Config.Linux?.SecurityContext;
        var devices = DeviceList.Build(request.Config, host, request.Sandbox.UserNamespace is not null);
        var linux = BuildLinux(request, process, mounts, devices, asked);
        return new RuntimeSpec
        {
            OciVersion = OciVersion,
            Process = process,
            Root = new RootSpec { Path = request.RootfsPath, Readonly = context?.ReadonlyRootfs ?? false },
            Mounts = [.. mounts.Mounts, .. devices.Binds],
            Annotations = ScopeAnnotations.AddTo(AnnotationList.Build(request), request.LeafCgroup, linux.Resources),
            Linux = linux,
        };
    }

    private LinuxSpec BuildLinux(
        BundleRequest request, ProcessSpec process, MountPlan mounts, DevicePlan devices, LinuxContainerResources asked)
    {
        var context = request.Config.Linux?.SecurityContext;
        return new LinuxSpec
        {
            Namespaces = NamespaceList.Build(request, host.Facts),
            UidMappings = Mapping(request.Sandbox.Users?.Uids),
            GidMappings = Mapping(request.Sandbox.Users?.Gids),
            Devices = devices.Nodes.Count > 0 ? devices.Nodes : null,
            CgroupsPath = CgroupNames.OciPath(request.LeafCgroup),
            Resources = ResourceTranslator.ToSpec(asked, host.Facts) with { Devices = devices.Rules },
            Seccomp = SeccompSelector.Select(context ?? new(), process.Capabilities!.Bounding, host, seccompDefault),
            RootfsPropagation = mounts.RootfsPropagation,
            MaskedPaths = PathLists.Masked(context),
            ReadonlyPaths = PathLists.Readonly(context),
            MountLabel = MacLabels.Selinux(context ?? new(), host.Facts) is { } label ? MacLabels.MountLabel(label) : null,
        };
    }

    private static IReadOnlyList<IdMappingSpec>? Mapping(IdRange? range) =>
        range is { } ids ? [new IdMappingSpec { ContainerID = 0, HostID = ids.Outside, Size = ids.Count }] : null;

    private ProcessSpec BuildProcess(BundleRequest request, LinuxContainerResources asked)
    {
        var rootfs = new RootfsView(request.RootfsPath);
        var (config, image) = (request.Config, request.Image);
        var context = config.Linux?.SecurityContext ?? new LinuxContainerSecurityContext();
        return new ProcessSpec
        {
            Terminal = config.Tty,
            User = UserResolver.Resolve(config, image, rootfs, request.Sandbox.Users),
            Args = ProcessArgs.Build(config, image),
            Env = EnvironmentList.Build(config, image, request.Sandbox.Hostname),
            Cwd = WorkingDirectory.Resolve(config, image, rootfs),
            Capabilities = CapabilityBuilder.Build(context, host.Facts),
            NoNewPrivileges = context.NoNewPrivs,
            ApparmorProfile = MacLabels.Apparmor(context, host, apparmorDefault),
            SelinuxLabel = MacLabels.Selinux(context, host.Facts),
            OomScoreAdj = ResourceTranslator.OomScoreAdj(asked, host.Facts),
        };
    }
}
