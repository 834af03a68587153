using System.Text.Json;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>RunPodSandbox, StopPodSandbox, RemovePodSandbox, PodSandboxStatus, ListPodSandbox.</summary>
public sealed class SandboxTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Unknown = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Fact]
    public async Task APodIsReadyThenNotReadyThenGone()
    {
        var before = DateTimeOffset.UtcNow;
        var pod = await RunPodAsync();
        Assert.Matches("^[0-9a-f]{64}$", pod.Id);
        var status = await pod.StatusAsync();
        Assert.Equal(PodSandboxState.SandboxReady, status.State);
        Assert.InRange(status.CreatedAt, before.ToUnixTimeMilliseconds() * 1_000_000, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000 + 1_000_000);
        Assert.StartsWith(World.SubnetPrefix + ".", status.Network.Ip, StringComparison.Ordinal);
        await pod.StopAsync();
        Assert.Equal(PodSandboxState.SandboxNotready, (await pod.StatusAsync()).State);
        await pod.RemoveAsync();
        await Faults.ExpectAsync(StatusCode.NotFound, () => pod.StatusAsync(), pod.Id);
    }

    [Fact]
    public async Task MetadataLabelsAndAnnotationsComeBackByteForByte()
    {
        var pod = await RunPodAsync(p =>
        {
            p.Metadata.Attempt = 7;
            p.Labels["io.kubernetes.pod.name"] = "näme";
            p.Annotations["kubernetes.io/config.hash"] = "a \"quoted\"\nvalue\t{}";
        });
        var status = await pod.StatusAsync();
        Assert.Equal(pod.Config.Metadata, status.Metadata);
        Assert.Equal(pod.Config.Labels, status.Labels);
        Assert.Equal(pod.Config.Annotations, status.Annotations);
        var listed = Assert.Single((await ListAsync(new PodSandboxFilter { Id = pod.Id })).Items);
        Assert.Equal(pod.Config.Metadata, listed.Metadata);
        Assert.Equal(pod.Config.Annotations, listed.Annotations);
        Assert.Equal(status.CreatedAt, listed.CreatedAt);
        Assert.Equal(NamespaceMode.Container, status.Linux.Namespaces.Options.Pid);
    }

    [Fact]
    public async Task ListFiltersByIdPrefixStateAndLabels()
    {
        var a = await RunPodAsync(p => p.Labels["app"] = "a");
        var b = await RunPodAsync(p => p.Labels["app"] = "b");
        await b.StopAsync();
        Assert.Equal([a.Id], await IdsAsync(new PodSandboxFilter { Id = a.Id[..13] }));
        Assert.Equal([a.Id], await IdsAsync(new PodSandboxFilter { State = new PodSandboxStateValue { State = PodSandboxState.SandboxReady } }));
        Assert.Equal([b.Id], await IdsAsync(new PodSandboxFilter { LabelSelector = { ["app"] = "b" } }));
        Assert.Empty(await IdsAsync(new PodSandboxFilter { LabelSelector = { ["app"] = "c" } }));
        Assert.Empty(await IdsAsync(new PodSandboxFilter { Id = Unknown }));
        Assert.Equal(2, (await IdsAsync(null)).Length);
    }

    [Fact]
    public async Task StopAndRemoveAreIdempotentAndUnknownIdsAreNoError()
    {
        var pod = await RunPodAsync();
        await pod.StopAsync();
        await pod.StopAsync();
        await pod.RemoveAsync();
        await pod.RemoveAsync();
        await pod.StopAsync();
        await Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = Unknown });
        await Faults.ExpectAsync(
            StatusCode.NotFound, Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = Unknown }), Unknown);
    }

    [Fact]
    public async Task RemoveOfAReadyPodStopsItWithItsContainers()
    {
        var pod = await RunPodAsync();
        var container = await pod.RunAsync("trap '' TERM; while :; do sleep 1; done");
        await pod.RemoveAsync();
        await Faults.ExpectAsync(StatusCode.NotFound, () => container.StatusAsync());
    }

    [Fact]
    public async Task TheSameRequestAgainIsTheSamePodAndAnotherConfigIsRefused()
    {
        var config = PodConfig();
        var request = new RunPodSandboxRequest { Config = config };
        var ids = await Task.WhenAll(Enumerable.Range(0, 5).Select(async _ => (await Runtime.RunPodSandboxAsync(request)).PodSandboxId));
        Assert.Single(ids.Distinct());
        var other = config.Clone();
        other.Hostname = "other";
        await RefusedAsync(StatusCode.AlreadyExists, Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = other }), config.Metadata.Name);
        Assert.Single((await ListAsync(null)).Items);
    }

    [Fact]
    public async Task ARetryAfterAClientThatGaveUpGetsTheSamePod()
    {
        var request = new RunPodSandboxRequest { Config = PodConfig() };
        using var impatient = new CancellationTokenSource(TimeSpan.FromMilliseconds(15));
        await Assert.ThrowsAsync<RpcException>(() => Runtime.RunPodSandboxAsync(request, cancellationToken: impatient.Token).ResponseAsync);
        var id = (await Runtime.RunPodSandboxAsync(request)).PodSandboxId;
        Assert.Equal([id], await IdsAsync(null));
    }

    public static TheoryData<string, Action<PodSandboxConfig>> BadPods => new()
    {
        { "metadata", p => p.Metadata = null },
        { "name", p => p.Metadata.Name = "" },
        { "hostname", p => p.Hostname = new string('h', 65) },
        { "log", p => p.LogDirectory = "relative/logs" },
        { "sysctl", p => p.Linux.Sysctls["kernel.panic"] = "1" },
        { "sysctl", p => p.Linux.Sysctls["net.ipv4.ip_forward"] = "1\nkernel.panic = 1" },
        { "sysctl", p => p.Linux.Sysctls["net/../kernel/panic"] = "1" },
        { "cgroup", p => p.Linux.CgroupParent = "/a/../../b" },
        { "port", p => p.PortMappings.Add(new PortMapping { ContainerPort = 70000, HostPort = 1 }) },
        { "dns", p => p.DnsConfig = new DNSConfig { Servers = { "1.2.3.4\nnameserver 6.6.6.6" } } },
        { "target", p => p.Linux.SecurityContext.NamespaceOptions.Ipc = NamespaceMode.Target },
        { "user", p => p.Linux.SecurityContext.NamespaceOptions.UsernsOptions = new UserNamespace { Mode = NamespaceMode.Container } },
    };

    [Theory]
    [MemberData(nameof(BadPods))]
    public async Task ABadRequestIsInvalidAndLeavesNothing(string word, Action<PodSandboxConfig> spoil)
    {
        var config = PodConfig(spoil);
        await RefusedAsync(StatusCode.InvalidArgument, Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config }), word);
        Assert.Empty((await ListAsync(null)).Items);
    }

    [Fact]
    public async Task AnUnknownRuntimeHandlerIsInvalid() => await RefusedAsync(
        StatusCode.InvalidArgument,
        Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = PodConfig(), RuntimeHandler = "kata" }), "kata");

    [Fact]
    public async Task HostnameDnsAndShmAreThePods()
    {
        var pod = await RunPodAsync(p =>
        {
            p.Hostname = "web-0";
            p.DnsConfig = new DNSConfig { Servers = { "10.96.0.10", "fd00::10" }, Searches = { "default.svc.cluster.local", "svc.cluster.local" }, Options = { "ndots:5" } };
        });
        var a = await pod.RunAsync("echo from-a > /dev/shm/note; sleep 1000");
        var b = await pod.RunAsync("sleep 1000");
        Assert.Equal("web-0", await a.ExecAsync("hostname"));
        Assert.Equal("web-0", await a.ExecAsync("cat /etc/hostname"));
        Assert.Equal(
            "search default.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\nnameserver fd00::10\noptions ndots:5",
            await a.ExecAsync("cat /etc/resolv.conf | sed 's/ *$//'"));
        await Eventually.Value(() => b.ExecAsync("cat /dev/shm/note 2>/dev/null || true"), t => t == "from-a", "/dev/shm is the pod's");
        Assert.Equal("65536", await a.ExecAsync("df -k /dev/shm | tail -1 | awk '{print $2}'"));
        Assert.Equal("1777", await a.ExecAsync("stat -c %a /dev/shm"));
    }

    [Fact]
    public async Task AllowedSysctlsAreSetInThePodAlone()
    {
        var pod = await RunPodAsync(p =>
        {
            p.Linux.Sysctls["net.ipv4.ip_unprivileged_port_start"] = "80";
            p.Linux.Sysctls["kernel.shm_rmid_forced"] = "1";
            p.Linux.Sysctls["fs.mqueue.msg_max"] = "77";
        });
        var container = await pod.RunAsync("sleep 1000");
        Assert.Equal("80\n1\n77", await container.ExecAsync(
            "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced /proc/sys/fs/mqueue/msg_max"));
        Assert.NotEqual("77", (await File.ReadAllTextAsync("/proc/sys/fs/mqueue/msg_max")).Trim());
    }

    [Fact]
    public async Task AHostSysctlIsRefusedWithHostNetwork() => await RefusedAsync(
        StatusCode.InvalidArgument,
        Runtime.RunPodSandboxAsync(new RunPodSandboxRequest
        {
            Config = PodConfig(p =>
            {
                p.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Node;
                p.Linux.Sysctls["net.ipv4.ip_unprivileged_port_start"] = "80";
            }),
        }), "sysctl");

    [Fact]
    public async Task TheNamespacesOfAPodAreItsOwnAndSharedByItsContainers()
    {
        var pod = await RunPodAsync();
        var a = await (await pod.RunAsync("sleep 1000")).PidAsync();
        var b = await (await pod.RunAsync("sleep 1000")).PidAsync();
        var other = await (await (await RunPodAsync()).RunAsync("sleep 1000")).PidAsync();
        foreach (var name in new[] { "net", "ipc", "uts" })
        {
            Assert.Equal(Processes.Link(a, $"ns/{name}"), Processes.Link(b, $"ns/{name}"));
            Assert.NotEqual(Processes.Link(a, $"ns/{name}"), Processes.Link(other, $"ns/{name}"));
            Assert.NotEqual(Processes.Link(a, $"ns/{name}"), Processes.Link(Environment.ProcessId, $"ns/{name}"));
        }

        foreach (var name in new[] { "pid", "mnt" }) Assert.NotEqual(Processes.Link(a, $"ns/{name}"), Processes.Link(b, $"ns/{name}"));
    }

    [Fact]
    public async Task HostIpcIsTheHosts()
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Ipc = NamespaceMode.Node);
        var pid = await (await pod.RunAsync("sleep 1000")).PidAsync();
        Assert.Equal(Processes.Link(Environment.ProcessId, "ns/ipc"), Processes.Link(pid, "ns/ipc"));
    }

    [Fact]
    public async Task ACgroupParentIsWhereThePodLives()
    {
        // kubelet has made the classes of service; the pod's own level may be missing.
        var classOfService = $"{World.CgroupRoot}/kubepods/burstable";
        foreach (var hierarchy in Cgroups.Hierarchies) Directory.CreateDirectory(hierarchy + classOfService);
        var parent = $"{classOfService}/pod{Guid.NewGuid()}";
        var pod = await RunPodAsync(p => p.Linux.CgroupParent = parent);
        var container = await pod.RunAsync("sleep 1000");
        var pid = await container.PidAsync();
        foreach (var controller in new[] { "memory", "cpu", "pids" }) Assert.Equal($"{parent}/{container.Id}/g1-{container.Id}", Cgroups.Of(pid, controller));
        await pod.RemoveAsync();
        foreach (var hierarchy in Cgroups.Hierarchies)
        {
            Assert.Empty(Directory.GetDirectories(hierarchy + classOfService));
            Directory.Delete(hierarchy + classOfService);
            Directory.Delete(Path.GetDirectoryName(hierarchy + classOfService)!);
        }
    }

    [Fact]
    public async Task VerboseInfoHasTheKeysThatNodeToolsRead()
    {
        var pod = await RunPodAsync();
        var response = await pod.ResponseAsync(true);
        var info = JsonDocument.Parse(response.Info["info"]).RootElement;
        Assert.Equal(0, info.GetProperty("pid").GetInt32());
        Assert.True(info.TryGetProperty("cniResult", out _), "cniResult");
        var netns = info.GetProperty("runtimeSpec").GetProperty("linux").GetProperty("namespaces").EnumerateArray()
            .Single(n => n.GetProperty("type").GetString() == "network").GetProperty("path").GetString()!;
        Assert.StartsWith(World.NetnsDirectory + "/shimruntime-", netns, StringComparison.Ordinal);
        Assert.True(File.Exists(netns), netns);
        Assert.Empty((await pod.ResponseAsync(false)).Info);
    }

    private async Task<string[]> IdsAsync(PodSandboxFilter? filter) => [.. (await ListAsync(filter)).Items.Select(i => i.Id)];

    private async Task<ListPodSandboxResponse> ListAsync(PodSandboxFilter? filter) =>
        await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest { Filter = filter });
}
