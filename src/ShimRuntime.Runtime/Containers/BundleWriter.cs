using System.Text.Json;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Sandboxes;
using ShimResources = ShimRuntime.ShimProtocol.V1.Resources;

namespace ShimRuntime.Runtime.Containers;

/// <summary>Writes config.json of a container by what <see cref="SpecBuilder"/> decides, and derives execs from it.</summary>
internal sealed class BundleWriter(ContainerPaths paths, SpecBuilder specs, HostFacts host)
{
    /// <summary>Decides, makes what the bundle needs on the host, writes. The rootfs is mounted. Throws what SpecBuilder throws.</summary>
    /// <param name="targetPid">Whose PID namespace is joined; 0: none.</param>
    public Bundle Write(ContainerEntry entry, Sandbox sandbox, ImageConfig image, HandlerFeatures handler, int targetPid)
    {
        var bundle = specs.Build(Request(entry, sandbox, image) with { Handler = handler, TargetPid = targetPid });
        BundleDirectories.Make(bundle, paths.Rootfs(entry.Id));
        WriteConfig(entry.Record, bundle.Spec);
        return bundle;
    }

    /// <summary>Puts the resources of the record into config.json: for a container that was updated before its start.</summary>
    public void RewriteResources(ContainerRecord record)
    {
        var spec = ReadConfig(record);
        var resources = ResourceTranslator.ToSpec(record.Resources.ToCri(), host) with { Devices = spec.Linux.Resources?.Devices };
        WriteConfig(record, spec with { Linux = spec.Linux with { Resources = resources } });
    }

    /// <summary>Tells runc where CRIU's settings for this container are (runc's docs/checkpoint-restore.md).</summary>
    public void NameCriuSettings(ContainerRecord record, string path)
    {
        var spec = ReadConfig(record);
        var annotations = new Dictionary<string, string>(spec.Annotations ?? new Dictionary<string, string>()) { ["org.criu.config"] = path };
        WriteConfig(record, spec with { Annotations = annotations });
    }

    /// <summary>The process object of an exec in the current generation.</summary>
    public byte[] ExecProcess(ContainerEntry entry, IReadOnlyList<string> command, bool tty = false) =>
        RuntimeJson.Serialize(ExecSpec.Process(ReadConfig(entry.Record), command, tty));

    public void ValidateResources(LinuxContainerResources asked, string failure) => ResourceTranslator.Validate(asked, host, failure);

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

    private RuntimeSpec ReadConfig(ContainerRecord record) => RuntimeJson.ReadSpec(File.ReadAllBytes(ConfigPath(record)));

    private void WriteConfig(ContainerRecord record, RuntimeSpec spec) =>
        DurableFile.WriteVolatile(ConfigPath(record), RuntimeJson.Serialize(spec));

    private string ConfigPath(ContainerRecord record) => paths.Config(record.Id, record.Generation);
}
