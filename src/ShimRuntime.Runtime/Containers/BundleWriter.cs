using System.Text.Json;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cdi;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Swap;
using ShimResources = ShimRuntime.ShimProtocol.V1.Resources;

namespace ShimRuntime.Runtime.Containers;

/// <summary>Writes config.json of a container by what <see cref="SpecBuilder"/> decides, and derives execs from it.</summary>
internal sealed class BundleWriter(ContainerPaths paths, SpecBuilder specs, HostFacts host, CdiDevices devices)
{
    /// <summary>Decides, and makes what the bundle needs on the host. The rootfs is mounted. Throws what SpecBuilder throws.</summary>
    public Bundle Decide(ContainerEntry entry, Sandbox sandbox, ImageConfig image, Surroundings around)
    {
        var bundle = specs.Build(Request(entry, sandbox, image) with
        {
            Handler = around.Handler, TargetPid = around.TargetPid, ImageMounts = around.ImageMounts, Cdi = devices.Resolve(entry.Config),
        });
        BundleDirectories.Make(bundle, paths.Rootfs(entry.Id));
        return bundle;
    }

    /// <summary>The same for a generation that a swap makes. Its rootfs is mounted.</summary>
    public Bundle Decide(ContainerEntry entry, Sandbox sandbox, ImageConfig image, (GenerationSource Source, Surroundings Around) next)
    {
        var (source, around) = next;
        var config = source.Patch?.ApplyTo(entry.Config) ?? entry.Config;
        var bundle = specs.Build(Request(entry, sandbox, image) with
        {
            Generation = source.Number,
            Config = config,
            RootfsPath = paths.Rootfs(entry.Id, source.RootfsGeneration),
            LeafCgroup = CgroupNames.Leaf(entry.Record.ContainerCgroup, source.Number, entry.Id),
            Handler = around.Handler,
            TargetPid = around.TargetPid,
            ImageMounts = around.ImageMounts,
            Cdi = devices.Resolve(config),
        });
        BundleDirectories.Make(bundle, paths.Rootfs(entry.Id, source.RootfsGeneration));
        return bundle;
    }

    public void Write(ContainerRecord record, Bundle bundle) => WriteConfig(record, bundle.Spec);

    /// <summary>config.json of a generation that is not yet the record's.</summary>
    public void Write(string id, uint generation, RuntimeSpec spec) =>
        DurableFile.WriteVolatile(paths.Config(id, generation), RuntimeJson.Serialize(spec));

    /// <summary>Puts the resources of the record into config.json: for a container that was updated before its start.</summary>
    public void RewriteResources(ContainerRecord record)
    {
        var spec = ReadConfig(record);
        var resources = ResourceTranslator.ToSpec(record.Resources.ToCri(), host) with { Devices = spec.Linux.Resources?.Devices };
        var annotations = ScopeAnnotations.AddTo(spec.Annotations ?? new Dictionary<string, string>(), record.LeafCgroup, resources);
        WriteConfig(record, spec with { Annotations = annotations, Linux = spec.Linux with { Resources = resources } });
    }

    /// <summary>Tells runc where CRIU's settings for this container are (runc's docs/checkpoint-restore.md).</summary>
    public static Bundle WithCriuSettings(Bundle bundle, string path)
    {
        var annotations = new Dictionary<string, string>(bundle.Spec.Annotations ?? new Dictionary<string, string>()) { ["org.criu.config"] = path };
        return bundle with { Spec = bundle.Spec with { Annotations = annotations } };
    }

    /// <summary>The process object of an exec in the generation that serves.</summary>
    public byte[] ExecProcess(ContainerEntry entry, IReadOnlyList<string> command, bool tty = false) =>
        RuntimeJson.Serialize(ExecSpec.Process(ReadConfig(entry.Serving), command, tty));

    public void ValidateResources(LinuxContainerResources asked, string failure) => ResourceTranslator.Validate(asked, host, failure);

    /// <summary>amd64 or arm64.</summary>
    public string Architecture => host.Architecture;

    public ShimResources ToShim(LinuxContainerResources resources) => ResourceTranslator.ToShim(resources, host);

    private BundleRequest Request(ContainerEntry entry, Sandbox sandbox, ImageConfig image) => new()
    {
        ContainerId = entry.Id,
        Generation = entry.Record.Generation,
        Config = entry.Config,
        Sandbox = sandbox,
        Image = image,
        RootfsPath = paths.Rootfs(entry.Id),
        LeafCgroup = entry.Record.LeafCgroup,
        VolumesDirectory = paths.Volumes(entry.Id),
        StagedVolumesDirectory = paths.StagedVolumes(entry.Id),
    };

    /// <summary>config.json of the record's generation; null: it is not there, or torn.</summary>
    public RuntimeSpec? TryReadConfig(ContainerRecord record)
    {
        try
        {
            return ReadConfig(record);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null;
        }
    }

    public RuntimeSpec ReadConfig(ContainerRecord record) => RuntimeJson.ReadSpec(File.ReadAllBytes(ConfigPath(record)));

    private void WriteConfig(ContainerRecord record, RuntimeSpec spec) =>
        DurableFile.WriteVolatile(ConfigPath(record), RuntimeJson.Serialize(spec));

    /// <summary>What a bundle needs beside request, pod and image.</summary>
    /// <param name="TargetPid">Whose PID namespace is joined; 0: none.</param>
    /// <param name="ImageMounts"><see cref="BundleRequest.ImageMounts"/>.</param>
    internal readonly record struct Surroundings(HandlerFeatures Handler, int TargetPid, IReadOnlyDictionary<int, string> ImageMounts);

    private string ConfigPath(ContainerRecord record) => paths.Config(record.Id, record.Generation);
}
