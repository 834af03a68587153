using System.Globalization;
using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;
using Propagation = ShimRuntime.Cri.V1.MountPropagation;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// The request's bind mounts. Links in the source are followed now, so that what was checked is what is mounted; a source that is
/// missing is made as a directory. Two-way propagation needs a shared mount below the source, one-way a shared or slave one.
/// </summary>
internal sealed class RequestMounts(IHostView host, BundleRequest request)
{
    private const int MaxMounts = 4096;

    private readonly HashSet<string> _missing = [];
    private readonly List<IdmappedBind> _idmapped = [];

    public IReadOnlyList<IdmappedBind> IdmappedBinds => _idmapped;

    public string? RootfsPropagation { get; private set; }

    public IReadOnlyList<string> MissingHostDirectories => [.. _missing.Order(StringComparer.Ordinal)];

    public IReadOnlyList<MountSpec> Build(ContainerConfig config)
    {
        if (config.Mounts.Count > MaxMounts) throw Refusal.Invalid("mounts", $"has more than {MaxMounts} entries");
        var taken = new HashSet<string>();
        var mounts = new List<MountSpec>(config.Mounts.Count);
        for (var i = 0; i < config.Mounts.Count; i++)
        {
            var field = $"mounts[{i}]";
            var mount = ImageMount.IsAsked(config.Mounts[i])
                ? ToImageSpec(config.Mounts[i], field, request.ImageMounts[i])
                : ToSpec(config.Mounts[i], field);
            if (!taken.Add(mount.Destination)) throw Refusal.Invalid($"{field}.container_path", $"'{mount.Destination}' is given twice");
            mounts.Add(mount);
        }

        return mounts;
    }

    private MountSpec ToSpec(Mount mount, string field)
    {
        RefuseUnsupported(mount, field);
        var destination = Destination(mount, field);
        var source = Source(ContainerPath.Clean(mount.HostPath, $"{field}.host_path"), $"{field}.host_path");
        var options = new List<string> { "rbind", PropagationOption(mount.Propagation, source, field) };
        options.AddRange(MountOptions.Of(mount, field));
        options.Add(Access(mount, field));
        if (request.Sandbox.UserNamespace is not null) LockedFlags.Keep(options, host.MountHolding(source), $"{field}.mount_options");
        if (IsMapped(mount, field)) source = Staged(mount, source, field);
        return new MountSpec { Destination = destination, Type = "bind", Source = source, Options = options };
    }

    public static string Destination(Mount mount, string field)
    {
        var destination = ContainerPath.Clean(mount.ContainerPath, $"{field}.container_path");
        if (destination != "/") return destination;
        throw Refusal.Invalid($"{field}.container_path", "is '/': the root file system comes from the image");
    }

    private void RefuseUnsupported(Mount mount, string field)
    {
        if (mount.SelinuxRelabel && host.Facts.Selinux)
        {
            throw Refusal.Unsupported(
                $"{field}.selinux_relabel", "asks to relabel a volume, which this release does not do; label it beforehand");
        }
    }

    /// <summary>In a user namespace the image is mounted over id-mapped layers, whether or not mappings are given.</summary>
    private MountSpec ToImageSpec(Mount mount, string field, string source)
    {
        IsMapped(mount, field);
        var spec = ImageMount.ToSpec(mount, field, source);
        if (request.Sandbox.UserNamespace is null) return spec;
        var options = spec.Options!.ToList();
        LockedFlags.Keep(options, host.MountHolding(source), $"{field}.mount_options");
        return spec with { Options = options };
    }

    /// <summary>kubelet gives the pod's own mappings; owners then look inside as they are on the host.</summary>
    private bool IsMapped(Mount mount, string field)
    {
        if (mount.UidMappings.Count + mount.GidMappings.Count == 0) return false;
        var pod = request.Sandbox.Config.Linux?.SecurityContext?.NamespaceOptions?.UsernsOptions;
        if (request.Sandbox.UserNamespace is null) throw Refusal.Invalid($"{field}.uidMappings", "are given in a pod without a user namespace");
        if (!mount.UidMappings.Equals(pod!.Uids) || !mount.GidMappings.Equals(pod.Gids))
        {
            throw Refusal.Invalid(
                $"{field}.uidMappings", "and gidMappings are not those of the pod's user namespace; give both, as the pod has them");
        }

        return true;
    }

    private string Staged(Mount mount, string source, string field)
    {
        var stage = Path.Combine(request.StagedVolumesDirectory, _idmapped.Count.ToString(CultureInfo.InvariantCulture));
        _idmapped.Add(new IdmappedBind($"{field}.uidMappings", source, stage, Follows: mount.Propagation == Propagation.PropagationHostToContainer));
        return stage;
    }

    private string Source(string path, string field)
    {
        var found = host.Resolve(path);
        if (found.State == HostPathState.Broken)
        {
            throw Refusal.Invalid(field, $"'{path}' leads nowhere: '{found.Real}' is a broken link or below a file");
        }

        if (found.State == HostPathState.Missing) _missing.Add(found.Real);
        return found.Real;
    }

    private string PropagationOption(Propagation propagation, string source, string field)
    {
        switch (propagation)
        {
            case Propagation.PropagationPrivate:
                return "rprivate";
            case Propagation.PropagationHostToContainer:
                if (host.MountHolding(source) is not ({ SharedGroup: > 0 } or { MasterGroup: > 0 }))
                {
                    throw NotPropagating(field, source, "shared nor slave");
                }

                RootfsPropagation ??= "rslave";
                return "rslave";
            case Propagation.PropagationBidirectional when request.Sandbox.UserNamespace is not null:
                throw Refusal.Invalid(
                    $"{field}.propagation",
                    "is BIDIRECTIONAL in a pod with a user namespace, whose mounts the kernel keeps from the host; use HOST_TO_CONTAINER");
            case Propagation.PropagationBidirectional:
                if (host.MountHolding(source) is not { SharedGroup: > 0 }) throw NotPropagating(field, source, "shared");
                RootfsPropagation = "rshared";
                return "rshared";
            default:
                throw Refusal.Invalid($"{field}.propagation", $"{(int)propagation} is unknown");
        }
    }

    private Linux.RuntimeFault NotPropagating(string field, string source, string what) => Refusal.Impossible(
        $"{field}.propagation",
        $"can't work: '{source}' is on mount '{host.MountHolding(source)?.Target}', which is not {what}; make it so with mount --make-rshared");

    private string Access(Mount mount, string field)
    {
        if (!mount.RecursiveReadOnly) return mount.Readonly ? "ro" : "rw";
        const string Name = "recursive_read_only";
        if (!mount.Readonly) throw Refusal.Invalid($"{field}.{Name}", "is set without readonly; set both");
        if (mount.Propagation != Propagation.PropagationPrivate)
        {
            throw Refusal.Invalid($"{field}.{Name}", "can't be combined with propagation; use PROPAGATION_PRIVATE");
        }

        if (!request.Handler.RecursiveReadOnlyMounts)
        {
            throw Refusal.Impossible($"{field}.{Name}", "needs a runtime that knows rro and Linux 5.12; this handler lacks one of them, and Status says so");
        }

        return "rro";
    }
}
