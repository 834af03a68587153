using System.Text;
using ShimRuntime.Runtime.Cdi;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Cdi;

/// <summary>Spec files, JSON and YAML: what they say, and what is refused with the member's name.</summary>
public sealed class CdiSpecReaderTests
{
    private const string Whole = """
        cdiVersion: 0.6.0
        kind: vendor.com/gpu
        annotations: {made.by: hand}
        devices:
          - name: 0
            containerEdits:
              env: [GPU=0]
              deviceNodes:
                - {path: /dev/gpu0, hostPath: "/dev/vendor0", type: c, major: 195, minor: 1, fileMode: 0666, permissions: rw, uid: 0, gid: 44}
          - name: "all"
            containerEdits:
              additionalGids: [44, 0]
        containerEdits:
          mounts:
            - hostPath: /usr/lib/vendor
              containerPath: /usr/lib/vendor
              options: [ro, nosuid, nodev, bind]
          hooks:
            - hookName: createContainer
              path: /usr/bin/hook
              args: [hook, --ldconfig]
              timeout: 5
          intelRdt: {closID: gold, enableCMT: true}
        """;

    [Fact]
    public void A_whole_spec_in_YAML()
    {
        var spec = Read("/etc/cdi/vendor.yaml", Whole);
        Assert.Equal("vendor.com/gpu", spec.Kind);
        Assert.Equal(["0", "all"], spec.Devices.Keys.Order());
        var node = Assert.Single(spec.Devices["0"].DeviceNodes);
        Assert.Equal(("/dev/gpu0", "/dev/vendor0", "c", 195L, 1L, "rw"), (node.Path, node.HostPath, node.Type, node.Major, node.Minor, node.Permissions));
        Assert.Equal((0x1B6u, 0u, 44u), (node.FileMode, node.Uid, node.Gid));
        Assert.Equal([44u], spec.Devices["all"].AdditionalGids);
        Assert.Equal("/usr/lib/vendor", Assert.Single(spec.Edits.Mounts).Source);
        var hook = Assert.Single(spec.Edits.Hooks);
        Assert.Equal(("createContainer", "/usr/bin/hook", 5), (hook.Stage, hook.Hook.Path, hook.Hook.Timeout));
        Assert.Equal(("gold", true), (spec.Edits.IntelRdt!.ClosID, spec.Edits.IntelRdt.EnableCMT));
    }

    [Fact]
    public void The_same_in_JSON()
    {
        var spec = Read("/etc/cdi/vendor.json", """
            {"cdiVersion":"0.5.0","kind":"vendor.com/net","devices":[{"name":"eth.0:1","annotations":{"a":"b"},
             "containerEdits":{"env":["A=b"],"deviceNodes":[{"path":"/dev/net"}],"mounts":[{"hostPath":"tmpfs","containerPath":"/t","type":"tmpfs","options":["size=1m"]}]}}],
             "containerEdits":null}
            """);
        var edits = spec.Devices["eth.0:1"];
        Assert.Equal(("/dev/net", "rwm"), (edits.DeviceNodes[0].HostPath, edits.DeviceNodes[0].Permissions));
        Assert.Equal(("tmpfs", "tmpfs"), (edits.Mounts[0].Type, edits.Mounts[0].Source));
        Assert.Empty(spec.Edits.Env);
    }

    [Theory]
    [InlineData("cdiVersion: 0.6.0", "cdiVersion: 9.0.0", "cdiVersion '9.0.0' is none of")]
    [InlineData("cdiVersion: 0.6.0\n", "", "cdiVersion is missing")]
    [InlineData("kind: vendor.com/gpu", "kind: gpu", "kind 'gpu' is not vendor/class")]
    [InlineData("name: \"all\"", "name: 0", "devices[1].name '0' is given twice")]
    [InlineData("name: \"all\"", "name: a=b", "devices[1].name 'a=b' is no name of a device")]
    [InlineData("name: \"all\"", "name: {a: b}", "devices[1].name is no text")]
    [InlineData("env: [GPU=0]", "env: [GPU]", "devices[0].containerEdits.env has an entry that is not NAME=value")]
    [InlineData("env: [GPU=0]", "env: GPU=0", "devices[0].containerEdits.env is no list")]
    [InlineData("path: /dev/gpu0", "path: dev/gpu0", "devices[0].containerEdits.deviceNodes[0].path is no absolute path")]
    [InlineData("path: /dev/gpu0", "path: /dev/../etc/gpu0", "deviceNodes[0].path is no absolute path without '..'")]
    [InlineData("type: c", "type: x", "type 'x' is none of")]
    [InlineData("major: 195", "major: -1", "major -1 is not between 0 and 4294967295")]
    [InlineData("major: 195", "major: many", "major is no whole number")]
    [InlineData("major: 195", "major: \"195\"", "major is no whole number")]
    [InlineData("permissions: rw,", "permissions: rwx,", "permissions 'rwx'")]
    [InlineData("hookName: createContainer", "hookName: whenever", "hookName 'whenever' is none of")]
    [InlineData("timeout: 5", "timeout: 0", "timeout 0 is not between")]
    [InlineData("containerPath: /usr/lib/vendor", "containerPath: /", "containerPath is '/'")]
    [InlineData("hostPath: /usr/lib/vendor", "hostPath: usr/lib", "mounts[0].hostPath is no absolute path")]
    [InlineData("closID: gold", "closID: ../gold", "closID is no name of a class")]
    [InlineData("enableCMT: true", "enableCMT: maybe", "enableCMT is neither true nor false")]
    [InlineData("intelRdt:", "netDevices: [{hostInterfaceName: a, name: b}]\n  intelRdt:", "netDevices is not a member")]
    [InlineData("additionalGids: [44, 0]", "additionalGids: [-1]", "additionalGids[0] is no whole number between")]
    [InlineData("annotations: {made.by: hand}", "annotations: &a {x: y}", "anchor or alias")]
    [InlineData("annotations: {made.by: hand}", "annotations: *a", "anchor or alias")]
    [InlineData("annotations: {made.by: hand}", "kind: twice/given", "'kind' is given twice")]
    [InlineData("annotations: {made.by: hand}", "annotations: [", "it is no YAML: ")]
    [InlineData("annotations: {made.by: hand}", "annotations: {a: \"x\\0y\"}\nextra: 1", "extra is not a member")]
    public void What_no_spec_says_is_refused_with_the_member(string part, string instead, string sentence)
    {
        Assert.Contains(part, Whole, StringComparison.Ordinal);
        var fault = Assert.Throws<FormatException>(() => Read("/x.yaml", Whole.Replace(part, instead, StringComparison.Ordinal)));
        Assert.Contains(sentence, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/x.yaml", "")]
    [InlineData("/x.yaml", "---\n---\n")]
    [InlineData("/x.yaml", "- a")]
    [InlineData("/x.yaml", "a: 1\n---\nb: 2")]
    [InlineData("/x.yaml", "? {a: b}\n: c")]
    [InlineData("/x.json", "")]
    [InlineData("/x.json", "null")]
    [InlineData("/x.json", "[1]")]
    [InlineData("/x.json", "{\"kind\":\"\\ud800\"}")]
    [InlineData("/x.json", "{\"kind\":\"a/b\",\"kind\":\"a/b\"}")]
    public void What_is_no_document_is_refused(string path, string text) => Assert.Throws<FormatException>(() => Read(path, text));

    [Theory]
    [InlineData("/x.yaml", "[")]
    [InlineData("/x.yaml", "{a: ")]
    [InlineData("/x.yaml", "- ")]
    [InlineData("/x.json", "[")]
    [InlineData("/x.json", "{\"a\":")]
    public void Nesting_is_bounded(string path, string opening) =>
        Assert.Throws<FormatException>(() => Read(path, string.Concat(Enumerable.Repeat(opening, 100_000))));

    [Fact]
    public void Bytes_that_are_no_text_are_refused_and_noise_never_crashes()
    {
        Assert.Throws<FormatException>(() => CdiSpecReader.Read("/x.yaml", new byte[] { (byte)'a', (byte)':', (byte)' ', 0xFF, 0xFE }));
        var random = new Random(20260101);
        var text = Encoding.UTF8.GetBytes(Whole);
        for (var round = 0; round < 3_000; round++)
        {
            var noisy = (byte[])text.Clone();
            for (var flips = random.Next(1, 6); flips > 0; flips--) noisy[random.Next(noisy.Length)] = (byte)random.Next(256);
            if (Record.Exception(() => CdiSpecReader.Read("/x.yaml", noisy)) is { } e) Assert.IsType<FormatException>(e);
        }
    }

    private static CdiSpec Read(string path, string text) => CdiSpecReader.Read(path, Encoding.UTF8.GetBytes(text));
}
