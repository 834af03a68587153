using System.Text.Json.Nodes;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Sandboxes;

/// <summary>RunPodSandbox to RemovePodSandbox, on the real kernel and the real CNI plugins.</summary>
public sealed class SandboxLifeTests : IDisposable
{
    private readonly SandboxWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_pod_on_a_bridge_from_nothing_to_nothing()
    {
        _world.UseBridge();
        var sandboxes = await _world.StartAsync();
        var request = SandboxWorld.Request();
        request.Config.Linux.Sysctls["net.ipv4.ip_unprivileged_port_start"] = "99";
        request.Config.DnsConfig = new DNSConfig { Servers = { "10.0.0.10" } };
        request.Config.LogDirectory = _world.At("logs/default_pod_uid");

        var id = await sandboxes.RunAsync(request, CancellationToken.None);

        var status = sandboxes.Status(new PodSandboxStatusRequest { PodSandboxId = id, Verbose = true });
        Assert.Matches("^[0-9a-f]{64}$", id);
        Assert.Equal(PodSandboxState.SandboxReady, status.Status.State);
        Assert.StartsWith(_world.Subnet, status.Status.Network.Ip, StringComparison.Ordinal);
        Assert.StartsWith("fd00:", Assert.Single(status.Status.Network.AdditionalIps).Ip, StringComparison.Ordinal);
        Assert.Equal("as it was", status.Status.Annotations["note"]);
        Assert.Equal(NamespaceMode.Container, status.Status.Linux.Namespaces.Options.Pid);
        AssertInfo(status.Info["info"], id, status.Status.Network.Ip);
        AssertInside(id);

        await sandboxes.StopAsync(id, CancellationToken.None);
        Assert.Equal(PodSandboxState.SandboxNotready, sandboxes.List(null)[0].State);
        Assert.Equal(1, _world.Containers.Stops);
        status = sandboxes.Status(new PodSandboxStatusRequest { PodSandboxId = id });
        Assert.Equal(("", 0), (status.Status.Network.Ip, status.Status.Network.AdditionalIps.Count)); // another pod's by now, perhaps
        await sandboxes.StopAsync(id, CancellationToken.None);
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        await sandboxes.StopAsync(id, CancellationToken.None);

        Assert.Empty(sandboxes.List(null));
        Assert.Equal(FaultCode.NotFound, Assert.Throws<RuntimeFault>(() => sandboxes.Status(new PodSandboxStatusRequest { PodSandboxId = id })).Code);
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task A_pod_on_the_hosts_network_needs_no_plugin_and_has_no_address()
    {
        var sandboxes = await _world.StartAsync();
        var id = await sandboxes.RunAsync(SandboxWorld.Request(network: NamespaceMode.Node), CancellationToken.None);
        var status = sandboxes.Status(new PodSandboxStatusRequest { PodSandboxId = id });
        Assert.Equal("", status.Status.Network.Ip);
        Assert.True(LinuxNamespace.IsPinned(_world.At($"state/sandboxes/{id}/ns/ipc")));
        Assert.False(File.Exists(_world.At($"state/sandboxes/{id}/ns/uts")));
        Assert.Equal(File.ReadAllText("/proc/sys/kernel/hostname"), File.ReadAllText(_world.At($"state/sandboxes/{id}/hostname")));
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Equal(1, _world.Containers.Removals);
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task Everything_of_the_hosts_leaves_no_pin_and_no_shm()
    {
        var sandboxes = await _world.StartAsync();
        var request = SandboxWorld.Request(network: NamespaceMode.Node, pid: NamespaceMode.Node);
        request.Config.Linux.SecurityContext.NamespaceOptions.Ipc = NamespaceMode.Node;
        var id = await sandboxes.RunAsync(request, CancellationToken.None);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_world.At($"state/sandboxes/{id}/ns")));
        Assert.False(Directory.Exists(_world.At($"state/sandboxes/{id}/shm")));
        await sandboxes.RemoveAsync(id, CancellationToken.None);
    }

    [Fact]
    public async Task Without_a_network_configuration_nothing_is_made_and_the_reason_is_said()
    {
        var sandboxes = await _world.StartAsync();
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => sandboxes.RunAsync(SandboxWorld.Request(), CancellationToken.None));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains(_world.At("conf"), fault.Message, StringComparison.Ordinal);
        Assert.Empty(sandboxes.List(null));
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task A_cgroup_parent_that_was_there_stays_and_one_that_we_made_goes()
    {
        var sandboxes = await _world.StartAsync();
        var theirs = $"{_world.Options.CgroupRoot}/theirs";
        new Cgroup(_world.Cgroups, theirs).Create();
        var (a, b) = (SandboxWorld.Request("a", NamespaceMode.Node), SandboxWorld.Request("b", NamespaceMode.Node));
        a.Config.Linux.CgroupParent = theirs;
        b.Config.Linux.CgroupParent = $"{_world.Options.CgroupRoot}/ours/";
        foreach (var request in new[] { a, b }) await sandboxes.RemoveAsync(await sandboxes.RunAsync(request, CancellationToken.None), CancellationToken.None);
        Assert.True(new Cgroup(_world.Cgroups, theirs).Exists);
        Assert.False(new Cgroup(_world.Cgroups, $"{_world.Options.CgroupRoot}/ours").Exists);
    }

    [Fact]
    public async Task Lists_are_filtered_by_id_prefix_state_and_labels()
    {
        var sandboxes = await _world.StartAsync();
        var a = await sandboxes.RunAsync(SandboxWorld.Request("a", NamespaceMode.Node), CancellationToken.None);
        var b = await sandboxes.RunAsync(SandboxWorld.Request("b", NamespaceMode.Node), CancellationToken.None);
        await sandboxes.StopAsync(b, CancellationToken.None);

        Assert.Equal(2, sandboxes.List(new PodSandboxFilter()).Count);
        Assert.Equal([a], sandboxes.List(new PodSandboxFilter { Id = a[..12] }).Select(s => s.Id));
        Assert.Equal([a], sandboxes.List(new PodSandboxFilter { State = new PodSandboxStateValue { State = PodSandboxState.SandboxReady } }).Select(s => s.Id));
        Assert.Equal([b], sandboxes.List(new PodSandboxFilter { LabelSelector = { ["app"] = "b" } }).Select(s => s.Id));
        Assert.Empty(sandboxes.List(new PodSandboxFilter { Id = a, LabelSelector = { ["app"] = "b" } }));
        Assert.Equal(a, sandboxes.Status(new PodSandboxStatusRequest { PodSandboxId = a[..12] }).Status.Id);
    }

    [Fact]
    public async Task A_port_of_the_host_leads_to_the_pod()
    {
        _world.UseBridge();
        var sandboxes = await _world.StartAsync();
        var request = SandboxWorld.Request();
        request.Config.PortMappings.Add(new PortMapping { HostPort = 28931, ContainerPort = 80, Protocol = Protocol.Tcp });
        var id = await sandboxes.RunAsync(request, CancellationToken.None);
        var kept = JsonNode.Parse(File.ReadAllText(_world.At($"root/sandboxes/{id}/cni-result.json")))!;
        Assert.Equal(28931, (int)kept["capabilities"]!["portMappings"]![0]!["hostPort"]!);
        Assert.NotNull(kept["result"]);
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Empty(_world.Leftovers());
    }

    private void AssertInside(string id)
    {
        var pin = _world.At($"netns/shimruntime-{id[..16]}");
        Assert.True(Directory.Exists(_world.At("logs/default_pod_uid")));
        var (hostname, port, ping) = NamespaceThread.Run(() =>
        {
            LinuxNamespace.Enter(pin, NamespaceKinds.Network);
            LinuxNamespace.Enter(_world.At($"state/sandboxes/{id}/ns/uts"), NamespaceKinds.Uts);
            return (File.ReadAllText("/proc/sys/kernel/hostname").Trim(), File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start").Trim(),
                File.ReadAllText("/proc/sys/net/ipv4/ping_group_range").Trim());
        });
        Assert.Equal(("pod", "99", "0\t2147483647"), (hostname, port, ping));
        Assert.Equal("nameserver 10.0.0.10\n", File.ReadAllText(_world.At($"state/sandboxes/{id}/resolv.conf")));
        Assert.Equal("pod\n", File.ReadAllText(_world.At($"state/sandboxes/{id}/hostname")));
        var shm = MountTable.Read().At(_world.At($"state/sandboxes/{id}/shm"))!;
        Assert.Equal("tmpfs", shm.Type);
        Assert.Contains("size=65536k", shm.SuperOptions, StringComparison.Ordinal);
        Assert.Contains("noexec", shm.Options, StringComparison.Ordinal);
        Assert.Contains(NetworkInterfaces.Read([pin])[0], i => i.Name == "eth0");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_world.At($"root/sandboxes/{id}/request.pb")));
    }

    private void AssertInfo(string json, string id, string ip)
    {
        var info = JsonNode.Parse(json)!;
        var pin = _world.At($"netns/shimruntime-{id[..16]}");
        Assert.Equal(0, (int)info["pid"]!);
        Assert.False((bool)info["netNamespaceClosed"]!);
        Assert.Equal(pin, (string?)info["netnsPath"]);
        Assert.Equal(pin, (string?)info["runtimeSpec"]!["linux"]!["namespaces"]![0]!["path"]);
        Assert.Equal(id, (string?)info["sandboxID"]);
        Assert.Equal(ip, (string?)info["cniResult"]!["Interfaces"]!["eth0"]!["IPConfigs"]![0]!["IP"]);
        Assert.Equal(ip, (string?)info["sandboxMetadata"]!["IP"]);
        Assert.Equal("10.0.0.10", (string?)info["config"]!["dns_config"]!["servers"]![0]);
        Assert.Equal("99", (string?)info["config"]!["linux"]!["sysctls"]!["net.ipv4.ip_unprivileged_port_start"]);
    }
}
