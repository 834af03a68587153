using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Capabilities that CNI plugins get from the pod and from the node: bandwidth and ipRanges, with the machine's own plugins.</summary>
public sealed class NetworkCapabilityTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public Task IngressBandwidthIsAQdiscOnThePodsPort() => WithBandwidthAsync(async () =>
    {
        var limited = await RunPodAsync(p => p.Annotations["kubernetes.io/ingress-bandwidth"] = "8M");
        Assert.Matches(@"^qdisc tbf .* rate 8Mbit ", await QdiscAsync(await PortAsync(limited)));
        var free = await RunPodAsync();
        Assert.DoesNotContain("tbf", await QdiscAsync(await PortAsync(free)), StringComparison.Ordinal);
    });

    [Fact]
    public Task ABandwidthThatIsNoneIsRefusedByItsName() => WithBandwidthAsync(async () =>
    {
        foreach (var wrong in new[] { "fast", "1", "-5M", "2P" })
        {
            var config = PodConfig(p => p.Annotations["kubernetes.io/ingress-bandwidth"] = wrong);
            await RefusedAsync(
                StatusCode.InvalidArgument, Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config }), "ingress bandwidth", wrong);
        }
    });

    [Fact]
    public async Task ThePodCidrOfTheNodeIsTheRangeOfTheAddresses()
    {
        var bridge = $"{World.Bridge}r"; // one of its own: a bridge that has an address takes none of another range
        var conflist = $$$"""
            {"cniVersion":"1.0.0","name":"{{{World.Network}}}","plugins":[
              {"type":"bridge","bridge":"{{{bridge}}}","isGateway":true,"capabilities":{"ipRanges":true},
               "ipam":{"type":"host-local","dataDir":"{{{World.IpamDirectory}}}"}}]}
            """;
        await Daemon.WithConflistAsync(conflist, async () =>
        {
            await SetCidrAsync($"{World.SubnetPrefix}.192/26");
            var address = await (await RunPodAsync()).IpAsync();
            Assert.StartsWith($"{World.SubnetPrefix}.", address, StringComparison.Ordinal);
            Assert.InRange(int.Parse(address.Split('.')[3], CultureInfo.InvariantCulture), 193, 254);
            await RefusedAsync(StatusCode.InvalidArgument, SetCidr("10.0.0.0/99"), "pod_cidr");
            Assert.Equal($"{World.SubnetPrefix}.", (await (await RunPodAsync()).IpAsync())[..(World.SubnetPrefix.Length + 1)]);
        });
        await Command.ShellAsync($"ip link delete {bridge}");
        // The range is the daemon's memory of what kubelet said; the next kubelet says it again.
        await Daemon.RestartAsync();
    }

    private static Task<string> QdiscAsync(string port) => Command.ShellAsync($"tc qdisc show dev {port} root");

    private AsyncUnaryCall<UpdateRuntimeConfigResponse> SetCidr(string cidr) => Runtime.UpdateRuntimeConfigAsync(
        new UpdateRuntimeConfigRequest { RuntimeConfig = new RuntimeConfig { NetworkConfig = new NetworkConfig { PodCidr = cidr } } });

    private async Task SetCidrAsync(string cidr) => await SetCidr(cidr);

    private Task WithBandwidthAsync(Func<Task> test) =>
        Daemon.WithConflistAsync(World.Conflist(extraPlugins: ",{\"type\":\"bandwidth\",\"capabilities\":{\"bandwidth\":true}}"), test);

    /// <summary>The host's end of the pod's eth0: by the interface index that the pod sees as its peer.</summary>
    private async Task<string> PortAsync(Pod pod)
    {
        var container = await pod.RunAsync("sleep 1000");
        var peer = await container.ExecAsync("cat /sys/class/net/eth0/iflink");
        return Directory.GetDirectories($"/sys/class/net/{World.Bridge}/brif").Select(d => Path.GetFileName(d))
            .Single(n => File.ReadAllText($"/sys/class/net/{n}/ifindex").Trim() == peer);
    }
}
