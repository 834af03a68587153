using System.Text;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Sandboxes;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Sandboxes;

/// <summary>What kubelet, or somebody in its place, may say; nothing is made.</summary>
public class SandboxInputTests
{
    private static readonly string[] Allowed = ["kernel.shm*", "kernel.msg*", "kernel.sem", "fs.mqueue.*", "net.*"];

    public static TheoryData<string, Action<RunPodSandboxRequest>> Refused => new()
    {
        { "no config", r => r.Config = null },
        { "userns_options.uids has 2 mappings", r => Users(r, NamespaceMode.Pod, (0, 1000, 65_536), (0, 2000, 65_536)) },
        { "userns_options.uids has 0 mappings", r => Users(r, NamespaceMode.Pod) },
        { "userns_options.uids does not map id 0", r => Users(r, NamespaceMode.Pod, (1, 1000, 65_536)) },
        { "userns_options.uids maps no id: its length is 0", r => Users(r, NamespaceMode.Pod, (0, 1000, 0)) },
        { "goes beyond the last id", r => Users(r, NamespaceMode.Pod, (0, uint.MaxValue - 3, 65_536)) },
        { "userns_options.mode Container is neither POD nor NODE", r => Users(r, NamespaceMode.Container) },
        { "userns_options.mode Target is neither POD nor NODE", r => Users(r, NamespaceMode.Target) },
        { "fewer than 65536 ids", r => Users(r, NamespaceMode.Pod, (0, 1000, 100)) },
        { "namespace_options.network is NODE", r => { Users(r, NamespaceMode.Pod, (0, 1000, 65_536)); Modes(r).Network = NamespaceMode.Node; } },
        { "namespace_options.pid is NODE", r => { Users(r, NamespaceMode.Pod, (0, 1000, 65_536)); Modes(r).Pid = NamespaceMode.Node; } },
        { "namespace_options.ipc is NODE", r => { Users(r, NamespaceMode.Pod, (0, 1000, 65_536)); Modes(r).Ipc = NamespaceMode.Node; } },
        { "userns_options.gids has 0 mappings", r => { Users(r, NamespaceMode.Pod, (0, 1000, 65_536)); Modes(r).UsernsOptions.Gids.Clear(); } },
        { "mode NODE and mappings", r => Users(r, NamespaceMode.Node, (0, 1000, 65_536)) },
        { "no metadata", r => r.Config.Metadata = null },
        { "metadata.name is empty", r => r.Config.Metadata.Name = "" },
        { "metadata.uid is longer than 253", r => r.Config.Metadata.Uid = new string('u', 254) },
        { "metadata.namespace has a control", r => r.Config.Metadata.Namespace = "a\nb" },
        { "metadata.name has a control character, ';' or '='", r => r.Config.Metadata.Name = "x;K8S_POD_NAME=y" },
        { "longer than 63", r => r.Config.Hostname = new string('h', 64) },
        { "hostname has other characters", r => r.Config.Hostname = "a b" },
        { "log_directory 'logs'", r => r.Config.LogDirectory = "logs" },
        { "log_directory '/var/../etc'", r => r.Config.LogDirectory = "/var/../etc" },
        { "is no directory", r => r.Config.LogDirectory = "/etc/passwd" },
        { "cgroup_parent '../../etc'", r => r.Config.Linux.CgroupParent = "../../etc" },
        { "cgroup_parent '/a/./b'", r => r.Config.Linux.CgroupParent = "/a/./b" },
        { "cgroup_parent '/a?b'", r => r.Config.Linux.CgroupParent = "/a\nb" },
        { "cgroup_parent 'pods'", r => r.Config.Linux.CgroupParent = "pods" },
        { "cgroup_parent 'a?.slice'", r => r.Config.Linux.CgroupParent = "a\n.slice" },
        { "network namespace mode Container", r => Modes(r).Network = NamespaceMode.Container },
        { "ipc namespace mode Target", r => Modes(r).Ipc = NamespaceMode.Target },
        { "pid namespace mode Target", r => Modes(r).Pid = NamespaceMode.Target },
        { "more than 1048576", r => r.Config.Annotations["a"] = new string('x', 1 << 20) },
        { "1001 labels", r => Fill(r.Config.Labels, 1001) },
        { "annotations have an empty key", r => r.Config.Annotations["k"] = "a\0b" },
        { "dns_config.servers has 'dns.example'", r => r.Config.DnsConfig = new DNSConfig { Servers = { "dns.example" } } },
        { "dns_config.searches has an entry", r => r.Config.DnsConfig = new DNSConfig { Searches = { "a\nnameserver 6.6.6.6" } } },
        { "dns_config.options has an entry", r => r.Config.DnsConfig = new DNSConfig { Options = { "ndots:5 debug" } } },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_no_pod_can_be_is_refused_with_the_rule(string sentence, Action<RunPodSandboxRequest> change)
    {
        var request = Good();
        SandboxValidation.Check(request);
        change(request);
        var fault = Assert.Throws<RuntimeFault>(() => SandboxValidation.Check(request));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
        Assert.Contains(sentence, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
    }

    /// <summary>As kubelets and crictl configurations name it under systemd; the driver says whether it is one.</summary>
    [Theory]
    [InlineData("kubepods-burstable-pod1.slice")]
    [InlineData("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice")]
    public void A_slice_is_a_parent_by_name_and_by_path(string parent)
    {
        var request = Good();
        request.Config.Linux.CgroupParent = parent;
        SandboxValidation.Check(request);
    }

    [Theory]
    [InlineData("net.ipv4.ip_forward", "1", "/proc/sys/net/ipv4/ip_forward")]
    [InlineData("net/ipv4/conf/eth0.1/forwarding", "1", "/proc/sys/net/ipv4/conf/eth0.1/forwarding")]
    [InlineData("net.ipv4.conf.eth0/1.forwarding", "1", "/proc/sys/net/ipv4/conf/eth0.1/forwarding")]
    [InlineData("kernel.sem", "250\t32000 32 128", "/proc/sys/kernel/sem")]
    [InlineData("kernel.shm_rmid_forced", "1", "/proc/sys/kernel/shm_rmid_forced")]
    public void Sysctls_of_the_pods_own_namespaces_become_paths(string key, string value, string path) =>
        Assert.Equal((path, value), Assert.Single(Parse(key, value)));

    [Theory]
    [InlineData("kernel.core_pattern", "|/bin/x", "not one that a pod may set")]
    [InlineData("kernel.shm_rmid_forced", "1+kernel.core_pattern=|/evil", "'+'")]
    [InlineData("kernel.shm_rmid_forced+kernel.core_pattern", "1", "name has other characters")]
    [InlineData("kernel.shm_rmid_forced", "1\nkernel.core_pattern = x", "control characters")]
    [InlineData("kernel.shm../../vm/drop_caches", "1", "no name of a sysctl")]
    [InlineData("net/../kernel/core_pattern", "1", "no name of a sysctl")]
    [InlineData("net..x", "1", "no name of a sysctl")]
    [InlineData("net.ipv4.ip_forward", "", "empty")]
    [InlineData("vm.swappiness", "1", "not one that a pod may set")]
    public void A_sysctl_that_smuggles_or_is_not_namespaced_is_refused(string key, string value, string why) =>
        Assert.Contains(why, Assert.Throws<RuntimeFault>(() => Parse(key, value)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_sysctl_of_a_namespace_that_the_pod_shares_with_the_host_is_refused()
    {
        var net = new Dictionary<string, string> { ["net.ipv4.ip_forward"] = "1" };
        var ipc = new Dictionary<string, string> { ["kernel.msgmax"] = "1" };
        Assert.Contains("host's network", Assert.Throws<RuntimeFault>(() => Sysctls.Parse(net, Allowed, new(false, true))).Message, StringComparison.Ordinal);
        Assert.Contains("host's IPC", Assert.Throws<RuntimeFault>(() => Sysctls.Parse(ipc, Allowed, new(true, false))).Message, StringComparison.Ordinal);
        Assert.Contains("no namespace", Assert.Throws<RuntimeFault>(() => Sysctls.Parse(
            new Dictionary<string, string> { ["vm.swappiness"] = "1" }, ["vm.*"], new(true, true))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Namespace_and_uid_may_be_empty_as_for_other_runtimes()
    {
        var request = Good();
        (request.Config.Metadata.Namespace, request.Config.Metadata.Uid) = ("", "");
        SandboxValidation.Check(request);
    }

    [Fact]
    public void In_a_network_of_its_own_a_pod_has_no_privileged_ports_unless_it_asks_for_them()
    {
        const string Ports = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
        const string Ping = "/proc/sys/net/ipv4/ping_group_range";
        Assert.Equal([(Ports, "0"), (Ping, "0 2147483647")], Sysctls.WithDefaults([], new(true, true), true));
        Assert.Equal([(Ports, "0")], Sysctls.WithDefaults([], new(true, true), false));
        Assert.Empty(Sysctls.WithDefaults([], new(false, true), true));
        Assert.Equal([(Ping, "0 2147483647"), (Ports, "1024")], Sysctls.WithDefaults([(Ports, "1024")], new(true, true), true));
    }

    [Fact]
    public void A_creation_that_is_over_can_be_cancelled_once_more()
    {
        var source = new CancellationTokenSource();
        source.Dispose();
        var request = Good();
        var paths = new SandboxPaths(new RuntimeOptions { Root = "/r", State = "/s", ShimPath = "/none" });
        new SandboxEntry(SandboxShape.Of(SandboxId.New(), request, paths), request) { Creation = source }.CancelCreation();
    }

    [Fact]
    public void Resolv_conf_has_kubelets_words_or_the_hosts()
    {
        var config = new DNSConfig { Servers = { "10.0.0.10", "fd00::a" }, Searches = { "ns.svc.cluster.local", "svc" }, Options = { "ndots:5" } };
        Assert.Equal("search ns.svc.cluster.local svc\nnameserver 10.0.0.10\nnameserver fd00::a\noptions ndots:5\n", Encoding.UTF8.GetString(ResolvConf.Render(config)));
        Assert.Equal(File.ReadAllBytes("/etc/resolv.conf"), ResolvConf.Render(null));
        Assert.Equal(File.ReadAllBytes("/etc/resolv.conf"), ResolvConf.Render(new DNSConfig()));
    }

    [Fact]
    public void The_whole_recovery_table()
    {
        var table = from phase in Enum.GetValues<SandboxPhase>()
                    from boot in new[] { true, false }
                    from intact in new[] { true, false }
                    select $"{phase,-8} {(boot ? "same boot" : "rebooted "),-9} {(intact ? "intact" : "broken")} -> {SandboxRecovery.Decide(phase, boot, intact)}";
        Assert.Equal(
            """
            Creating same boot intact -> Undo
            Creating same boot broken -> Undo
            Creating rebooted  intact -> NotReady
            Creating rebooted  broken -> NotReady
            Ready    same boot intact -> Adopt
            Ready    same boot broken -> NotReady
            Ready    rebooted  intact -> NotReady
            Ready    rebooted  broken -> NotReady
            NotReady same boot intact -> NotReady
            NotReady same boot broken -> NotReady
            NotReady rebooted  intact -> NotReady
            NotReady rebooted  broken -> NotReady
            Stopping same boot intact -> FinishStop
            Stopping same boot broken -> FinishStop
            Stopping rebooted  intact -> FinishStop
            Stopping rebooted  broken -> FinishStop
            Stopped  same boot intact -> Stopped
            Stopped  same boot broken -> Stopped
            Stopped  rebooted  intact -> Stopped
            Stopped  rebooted  broken -> Stopped
            Removing same boot intact -> FinishRemoval
            Removing same boot broken -> FinishRemoval
            Removing rebooted  intact -> FinishRemoval
            Removing rebooted  broken -> FinishRemoval
            """,
            string.Join('\n', table));
    }

    private static IReadOnlyList<(string Path, string Value)> Parse(string key, string value) =>
        Sysctls.Parse(new Dictionary<string, string> { [key] = value }, Allowed, new(true, true));

    private static RunPodSandboxRequest Good() => new()
    {
        Config = new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata { Name = "pod", Namespace = "default", Uid = "uid" },
            Hostname = "pod",
            LogDirectory = Path.GetTempPath(),
            Linux = new LinuxPodSandboxConfig { CgroupParent = "/kubepods/pod1", SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = new NamespaceOption() } },
        },
    };

    private static NamespaceOption Modes(RunPodSandboxRequest request) => request.Config.Linux.SecurityContext.NamespaceOptions;

    private static void Fill(IDictionary<string, string> labels, int count)
    {
        for (var i = 0; i < count; i++) labels[$"l{i}"] = "";
    }

    private static void Users(RunPodSandboxRequest request, NamespaceMode mode, params (uint Inside, uint Outside, uint Count)[] ids)
    {
        var mappings = ids.Select(i => new IDMapping { ContainerId = i.Inside, HostId = i.Outside, Length = i.Count }).ToList();
        Modes(request).UsernsOptions = new UserNamespace { Mode = mode, Uids = { mappings }, Gids = { mappings } };
    }
}
