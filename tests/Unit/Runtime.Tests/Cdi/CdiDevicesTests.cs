using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Cdi;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Cdi;

/// <summary>From names to edits over real directories.</summary>
public sealed class CdiDevicesTests : IDisposable
{
    private readonly string _base = Directory.CreateTempSubdirectory("srt-cdi-").FullName;

    public CdiDevicesTests()
    {
        foreach (var directory in new[] { "low", "high" }) Directory.CreateDirectory(Path.Combine(_base, directory));
    }

    public void Dispose() => Directory.Delete(_base, true);

    [Fact]
    public void Devices_come_in_the_order_asked_for_each_after_its_spec_and_each_once()
    {
        Write("low/a.json", "v.com/a", "one", "two");
        Write("low/b.yaml", "v.com/b", "x");
        var config = new ContainerConfig { CDIDevices = { Named("v.com/a=two"), Named("v.com/b=x"), Named("v.com/a=one"), Named("v.com/b=x") } };
        Assert.Equal(
            ["a.json, containerEdits", "a.json, devices[1].containerEdits", "b.yaml, containerEdits", "b.yaml, devices[0].containerEdits", "a.json, devices[0].containerEdits"],
            Resolve(config).Select(e => Path.GetFileName(e.Source).Replace("'", "", StringComparison.Ordinal)));
    }

    [Fact]
    public void Annotations_of_the_container_ask_too_and_those_of_others_do_not()
    {
        Write("low/a.json", "v.com/a", "one", "two");
        var config = new ContainerConfig { Annotations = { ["cdi.k8s.io/plugin"] = "v.com/a=one,v.com/a=two", ["cdi.other/x"] = "v.com/a=nothing" } };
        Assert.Equal(3, Resolve(config).Count);
        Assert.Empty(Resolve(new ContainerConfig()));
    }

    [Fact]
    public void A_later_directory_wins_and_a_conflict_within_one_is_no_device()
    {
        Write("low/a.json", "v.com/a", "one");
        Write("high/a.json", "v.com/a", "one");
        Assert.Contains("/high/", Resolve("v.com/a=one")[1].Source, StringComparison.Ordinal);
        Write("high/b.json", "v.com/a", "one");
        Refuses("v.com/a=one", FaultCode.FailedPrecondition, "unresolvable CDI devices v.com/a=one (both '", "high/a.json' and '", "high/b.json' have it)");
        File.Delete(Path.Combine(_base, "high/a.json"));
        Assert.Contains("/high/b.json", Resolve("v.com/a=one")[1].Source, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_unknown_is_named_with_the_specs_that_could_not_be_used()
    {
        Write("low/a.json", "v.com/a", "one");
        File.WriteAllText(Path.Combine(_base, "low/broken.yaml"), "kind: [");
        Directory.CreateDirectory(Path.Combine(_base, "low/directory.json"));
        File.WriteAllText(Path.Combine(_base, "low/huge.json"), new string(' ', 2 << 20));
        var config = new ContainerConfig { CDIDevices = { Named("v.com/a=one"), Named("v.com/a=nine"), Named("w.org/b=x") } };
        Refuses(config, FaultCode.FailedPrecondition, "CDI_devices names unresolvable CDI devices v.com/a=nine, w.org/b=x; specs that can't be used: ",
            "/low/broken.yaml': it is no YAML", "/low/directory.json': it is no regular file", "/low/huge.json': it is larger than", $"spec directories: {_base}/low, {_base}/high, {_base}/none");
    }

    [Fact]
    public void A_spec_that_others_may_write_is_not_read()
    {
        Write("low/a.json", "v.com/a", "one");
        File.SetUnixFileMode(Path.Combine(_base, "low/a.json"), UnixFileMode.UserRead | UnixFileMode.OtherWrite);
        Refuses("v.com/a=one", FaultCode.FailedPrecondition, "others than root may write it");
    }

    [Fact]
    public void A_fifo_in_the_place_of_a_spec_blocks_nobody()
    {
        Assert.Equal(0, mkfifo(Path.Combine(_base, "low/a.json"), 0x1A4));
        Refuses("v.com/a=one", FaultCode.FailedPrecondition, "it is no regular file");
    }

    [Theory]
    [InlineData("")]
    [InlineData("gpu")]
    [InlineData("v.com/a")]
    [InlineData("v.com/a=")]
    [InlineData("v.com/a=one,v.com/a=two")]
    [InlineData("../a=one")]
    [InlineData("v.com/a=one\n")]
    [InlineData("v.com/a=o ne")]
    public void What_is_no_name_is_InvalidArgument_with_the_field(string name)
    {
        Refuses(name, FaultCode.InvalidArgument, "CDI_devices[0].name");
        if (name.Contains(',', StringComparison.Ordinal)) return;
        Refuses(new ContainerConfig { Annotations = { ["cdi.k8s.io/x"] = name } }, FaultCode.InvalidArgument, "annotations['cdi.k8s.io/x']");
    }

    [Fact]
    public void Without_directories_CDI_is_off() => Assert.Contains("cdi_spec_dirs is empty", Assert.Throws<RuntimeFault>(
        () => new CdiDevices(new CdiDirectories([])).Resolve(new ContainerConfig { CDIDevices = { Named("v.com/a=one") } })).Message, StringComparison.Ordinal);

    private static CDIDevice Named(string name) => new() { Name = name };

    private IReadOnlyList<CdiEdits> Resolve(string name) => Resolve(new ContainerConfig { CDIDevices = { Named(name) } });

    private IReadOnlyList<CdiEdits> Resolve(ContainerConfig config) =>
        new CdiDevices(new CdiDirectories([$"{_base}/low", $"{_base}/high", $"{_base}/none"])).Resolve(config);

    private void Refuses(string name, FaultCode code, params string[] sentences) => Refuses(new ContainerConfig { CDIDevices = { Named(name) } }, code, sentences);

    private void Refuses(ContainerConfig config, FaultCode code, params string[] sentences)
    {
        var fault = Assert.Throws<RuntimeFault>(() => Resolve(config));
        Assert.Equal(code, fault.Code);
        foreach (var sentence in sentences) Assert.Contains(sentence, fault.Message, StringComparison.Ordinal);
    }

    private void Write(string file, string kind, params string[] devices)
    {
        // JSON is YAML.
        var list = string.Join(',', devices.Select(d => $$$"""{"name":"{{{d}}}","containerEdits":{"env":["D={{{d}}}"]}}"""));
        File.WriteAllText(Path.Combine(_base, file), $$$"""{"cdiVersion":"0.6.0","kind":"{{{kind}}}","devices":[{{{list}}}],"containerEdits":{"env":["S=1"]}}""");
    }

    [System.Runtime.InteropServices.DllImport("libc", CharSet = System.Runtime.InteropServices.CharSet.Ansi)]
    private static extern int mkfifo(string path, uint mode);
}
