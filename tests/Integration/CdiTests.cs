using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Container Device Interface, as device plugins and DRA drivers use it: specs come and go while the daemon runs.</summary>
public sealed class CdiTests(DaemonFixture daemon) : NodeTest(daemon)
{
    protected override DaemonOptions Options => new() { Configuration = $"cdi_spec_dirs = [\"{World.Base}/cdi/static\", \"{World.Base}/cdi/dynamic\"]" };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ADeviceBringsItsNodesMountsVariablesGroupsAndHooks(bool userNamespace)
    {
        var ids = new IDMapping { HostId = 200_000, Length = 65_536 };
        var users = userNamespace ? new UserNamespace { Mode = NamespaceMode.Pod, Uids = { ids }, Gids = { ids } } : null;
        var mark = Path.Combine(World.Shared, "hook-ran");
        var library = Directory.CreateDirectory(Path.Combine(World.Shared, "vendor-lib")).FullName;
        await File.WriteAllTextAsync(Path.Combine(library, "lib"), "vendor's");
        Write("static/vendor.yaml", $"""
            cdiVersion: "0.6.0"
            kind: vendor.com/gpu
            devices:
              - name: "0"
                containerEdits:
                  env: [GPU=0]
                  deviceNodes:
                    - path: /dev/gpu0
                      hostPath: /dev/zero
                      permissions: rw
              - name: extra
                containerEdits:
                  additionalGids: [4711]
            containerEdits:
              env: [VENDOR=yes, PATH=/vendor]
              mounts:
                - hostPath: {library}
                  containerPath: /vendor
                  options: [ro, nosuid, nodev, rbind]
              hooks:
                - hookName: createRuntime
                  path: /usr/bin/touch
                  args: [touch, {mark}]
            """);
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.UsernsOptions = users);
        var container = await pod.RunAsync("sleep 1000", c =>
        {
            c.Command.Clear();
            c.Command.AddRange(["/bin/sleep", "1000"]);
            c.CDIDevices.Add(new CDIDevice { Name = "vendor.com/gpu=0" });
            c.Annotations["cdi.k8s.io/plugin_extra"] = "vendor.com/gpu=extra";
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
        });
        Assert.Equal("yes 0 /vendor", await container.ExecAsync("echo $VENDOR $GPU $PATH"));
        Assert.Equal("vendor's", await container.ExecAsync("/bin/cat /vendor/lib"));
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "/bin/touch", "/vendor/x")).ExitCode);
        // The device belongs to the user that the container runs as, or is the host's, and its cgroup lets it read.
        Assert.Equal("4", await container.ExecAsync("/bin/head -c 4 /dev/gpu0 | /bin/wc -c"));
        Assert.Contains("4711", (await container.ExecAsync("/bin/id -G")).Split(' '));
        Assert.True(File.Exists(mark), "the hook ran on the host");
    }

    [Fact]
    public async Task SpecsAreReadAsTheyAreWhenAContainerIsCreated()
    {
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => CreateAsync(pod, "v.com/read=one"), "unresolvable CDI devices v.com/read=one");
        Write("static/read.json", Spec("v.com/read", "static"));
        Assert.Equal("static", await FirstAsync(pod));
        Write("dynamic/read.json", Spec("v.com/read", "dynamic"));
        Assert.Equal("dynamic", await FirstAsync(pod));
        File.Delete(Path.Combine(World.Base, "cdi/dynamic/read.json"));
        await Daemon.RestartAsync();
        Assert.Equal("static", await FirstAsync(pod));
    }

    [Fact]
    public async Task WhatCannotBeInjectedIsRefusedByNameAndLeavesNothing()
    {
        Write("static/good.json", Spec("v.com/d", "x"));
        Write("static/broken.yaml", "cdiVersion: [");
        Write("static/missing.json", """
            {"cdiVersion":"0.6.0","kind":"v.com/gone","devices":[{"name":"x","containerEdits":{"deviceNodes":[{"path":"/dev/none-of-this-node"}]}}]}
            """);
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => CreateAsync(pod, "no name"), "CDI_devices[0].name", "'no name'");
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => CreateAsync(pod, "v.com/d=one", "v.com/d=two"), "v.com/d=two", "broken.yaml");
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => CreateAsync(pod, "v.com/gone=x"), "/dev/none-of-this-node", "missing.json");
        await Faults.ExpectAsync(
            StatusCode.FailedPrecondition, () => pod.CreateAsync("true", c => c.Annotations["cdi.k8s.io/x"] = "v.com/d=nine"), "v.com/d=nine");
        Assert.Empty((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
    }

    private static string Spec(string kind, string value) =>
        $$$"""{"cdiVersion":"0.6.0","kind":"{{{kind}}}","devices":[{"name":"one","containerEdits":{"env":["FROM={{{value}}}"]}}]}""";

    private static Task<Container> CreateAsync(Pod pod, params string[] devices) =>
        pod.CreateAsync("sleep 1000", c => c.CDIDevices.AddRange(devices.Select(d => new CDIDevice { Name = d })));

    private static async Task<string> FirstAsync(Pod pod)
    {
        var container = await CreateAsync(pod, "v.com/read=one");
        await container.StartAsync();
        return await container.ExecAsync("echo $FROM");
    }

    private void Write(string name, string spec)
    {
        var path = Path.Combine(World.Base, "cdi", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, spec);
    }
}
