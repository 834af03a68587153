using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cdi;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>One request on a fake node, for tests that change a single thing.</summary>
internal sealed class SpecFixture : IDisposable
{
    public FakeHost Host { get; } = new();

    public TestRootfs Rootfs { get; } = new();

    public ImageConfig Image { get; set; } = new() { Entrypoint = ["/entry"], Cmd = ["serve"] };

    public PodSandboxConfig Pod { get; } = TestSandbox.DefaultPod();

    public ContainerConfig Config { get; } = new()
    {
        Metadata = new ContainerMetadata { Name = "app" },
        Linux = new LinuxContainerConfig { SecurityContext = new LinuxContainerSecurityContext() },
    };

    public LinuxContainerSecurityContext Context => Config.Linux.SecurityContext;

    public HandlerFeatures Handler { get; set; } = new() { RecursiveReadOnlyMounts = true };

    public int TargetPid { get; set; }

    public IReadOnlyList<CdiEdits> Cdi { get; set; } = [];

    public bool SeccompDefault { get; set; } = true;

    public string ApparmorDefault { get; set; } = "shimruntime-default";

    public Bundle Build() => new SpecBuilder(Host, SeccompDefault, ApparmorDefault).Build(new BundleRequest
    {
        ContainerId = new string('c', 64),
        Generation = 1,
        Config = Config,
        Sandbox = TestSandbox.Of(Pod),
        Image = Image,
        RootfsPath = Rootfs.Path,
        LeafCgroup = "/pod/leaf",
        VolumesDirectory = "/volumes",
        StagedVolumesDirectory = "/staged",
        ImageMounts = Enumerable.Range(0, Config.Mounts.Count).ToDictionary(i => i, i => $"/images/{i}"),
        Handler = Handler,
        Cdi = Cdi,
        TargetPid = TargetPid,
    });

    /// <summary>Building is refused with this code, and the sentence holds the text (a field's name, as a rule).</summary>
    public void Refuses(string text, FaultCode code = FaultCode.InvalidArgument)
    {
        var fault = Assert.Throws<RuntimeFault>(Build);
        Assert.Contains(text, fault.Message, StringComparison.Ordinal);
        Assert.Equal(code, fault.Code);
        Assert.StartsWith("failed to create container: ", fault.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Rootfs.Dispose();
}
