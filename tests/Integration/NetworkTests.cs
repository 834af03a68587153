using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>CNI with the machine's own plugins: addresses, host ports, DEL whatever happens.</summary>
public sealed class NetworkTests(DaemonFixture daemon) : NodeTest(daemon)
{
    // Says so when it answers, not when it is about to.
    private const string Web = "httpd -f -p 8080 -h /www & until wget -q -O /dev/null http://127.0.0.1:8080/; do sleep 0.02; done; echo up; wait";
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) });

    [Fact]
    public async Task APodAnswersOnItsAddressAndLoopbackIsUp()
    {
        var container = await RunAsync(Web);
        await container.LoggedAsync("up");
        var ip = await container.Pod.IpAsync();
        Assert.Equal("it works\n", await GetAsync($"http://{ip}:8080/"));
        Assert.Equal("it works", await container.ExecAsync("wget -q -O - http://127.0.0.1:8080/"));
        Assert.Contains(ip, await container.ExecAsync("ip -4 addr show dev eth0"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task PodsReachEachOther()
    {
        var web = await RunAsync(Web);
        await web.LoggedAsync("up");
        var client = await RunAsync("sleep 1000");
        Assert.Equal("it works", await client.ExecAsync($"wget -q -O - http://{await web.Pod.IpAsync()}:8080/"));
    }

    [Fact]
    public async Task AHostPortLeadsToThePodAndIsGivenBack()
    {
        var port = FreePort.Next();
        var pod = await RunPodAsync(p => p.PortMappings.Add(new PortMapping { ContainerPort = 8080, HostPort = port, HostIp = "127.0.0.1" }));
        var web = await pod.RunAsync(Web);
        await web.LoggedAsync("up");
        Assert.Equal("it works\n", await GetAsync($"http://127.0.0.1:{port}/"));
        await pod.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync($"http://127.0.0.1:{port}/"));
    }

    [Fact]
    public async Task APortMappingWithoutAHostPortMapsNothing()
    {
        var pod = await RunPodAsync(p => p.PortMappings.Add(new PortMapping { ContainerPort = 8080 }));
        var rules = await Command.ShellAsync("iptables-save -t nat");
        Assert.DoesNotContain(pod.Id, rules, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HostNetworkIsTheHosts()
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Node);
        var container = await pod.RunAsync("sleep 1000");
        Assert.Equal(Processes.Link(Environment.ProcessId, "ns/net"), Processes.Link(await container.PidAsync(), "ns/net"));
        var status = await pod.StatusAsync();
        Assert.Equal("", status.Network?.Ip ?? "");
        Assert.Equal(NamespaceMode.Node, status.Linux.Namespaces.Options.Network);
    }

    [Fact]
    public async Task DelRunsAfterARestartAndWithTheConfigurationGone()
    {
        var conflist = Path.Combine(World.CniConf, "10-test.conflist");
        var content = await File.ReadAllTextAsync(conflist);
        var port = FreePort.Next();
        var pod = await RunPodAsync(p => p.PortMappings.Add(new PortMapping { ContainerPort = 80, HostPort = port }));
        Assert.Contains(pod.Id, await Command.ShellAsync("iptables-save -t nat"), StringComparison.Ordinal);
        File.Delete(conflist);
        await Daemon.RestartAsync();
        await pod.StopAsync();
        await pod.RemoveAsync();
        await File.WriteAllTextAsync(conflist, content);
        Assert.DoesNotContain(pod.Id, await Command.ShellAsync("iptables-save -t nat"), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(World.IpamDirectory, World.Network), "10.*"));
        await Daemon.NetworkReadyAsync();
    }

    [Fact]
    public async Task AFailedAddIsUndoneAndTheAddressIsFreeAgain()
    {
        // The bridge plugin has done its work and taken an address when the second plugin fails.
        World.WritePlugin("refuser", """
            [ $CNI_COMMAND = ADD ] && echo '{"cniVersion":"1.0.0","code":11,"msg":"refused on purpose"}' && exit 1
            exit 0
            """);
        await WithConflistAsync(World.Conflist(extraPlugins: ",{\"type\":\"refuser\"}"), async () =>
        {
            var fault = await Assert.ThrowsAsync<RpcException>(() => RunPodAsync());
            Assert.Contains("refused on purpose", fault.Status.Detail, StringComparison.Ordinal);
            Assert.Empty((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
            await Eventually.True(
                () => Directory.GetFiles(Path.Combine(World.IpamDirectory, World.Network), "10.*").Length == 0, "the address is free again");
        });
    }

    [Theory]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public async Task EveryCniVersionWorks(string version) => await WithConflistAsync(World.Conflist(version: version), async () =>
    {
        var port = FreePort.Next();
        var pod = await RunPodAsync(p => p.PortMappings.Add(new PortMapping { ContainerPort = 80, HostPort = port }));
        Assert.StartsWith(World.SubnetPrefix + ".", await pod.IpAsync(), StringComparison.Ordinal);
        await pod.RemoveAsync();
    });

    [Fact]
    public async Task MasqueradeRulesGoWithThePod() => await WithConflistAsync(World.Conflist(masquerade: true), async () =>
    {
        var pod = await RunPodAsync();
        Assert.Contains(pod.Id, await Command.ShellAsync("iptables-save -t nat"), StringComparison.Ordinal);
        await pod.RemoveAsync();
        Assert.DoesNotContain(pod.Id, await Command.ShellAsync("iptables-save -t nat"), StringComparison.Ordinal);
    });

    [Fact]
    public async Task DualStackGivesBothAddressesIpv4First()
    {
        var six = $"fd00:{World.Tag[..4]}:{World.Tag[4..]}::";
        var conflist = World.Conflist().Replace("]],\"routes\"", $"],[{{\"subnet\":\"{six}/64\"}}]],\"routes\"", StringComparison.Ordinal);
        await WithConflistAsync(conflist, async () =>
        {
            var network = (await (await RunPodAsync()).StatusAsync()).Network;
            Assert.Equal(AddressFamily.InterNetwork, IPAddress.Parse(network.Ip).AddressFamily);
            Assert.Equal(AddressFamily.InterNetworkV6, IPAddress.Parse(Assert.Single(network.AdditionalIps).Ip).AddressFamily);
        });
    }

    [Fact]
    public async Task TheLexicallyFirstConflistIsUsed()
    {
        var second = World.Conflist().Replace(World.Network, World.Network + "z", StringComparison.Ordinal);
        World.WriteConflist("20-later.conflist", second);
        World.WriteConflist("05-ignored.txt", "not a network");
        await RunPodAsync();
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(World.IpamDirectory, World.Network), "10.*"));
        File.Delete(Path.Combine(World.CniConf, "20-later.conflist"));
        File.Delete(Path.Combine(World.CniConf, "05-ignored.txt"));
    }

    [Fact]
    public async Task StopDuringASlowAddDoesNotWaitBehindIt()
    {
        var started = Path.Combine(World.Base, "slow-started");
        World.WritePlugin("slow", $"[ $CNI_COMMAND = ADD ] && touch {started} && sleep 30\necho '{{\"cniVersion\":\"1.0.0\"}}'");
        await WithConflistAsync($"{{\"cniVersion\":\"1.0.0\",\"name\":\"{World.Network}\",\"plugins\":[{{\"type\":\"slow\"}}]}}", async () =>
        {
            var run = RunPodAsync();
            await Eventually.True(() => File.Exists(started), "the plugin runs");
            var creating = Assert.Single((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
            Assert.Equal(PodSandboxState.SandboxNotready, creating.State);
            var clock = Stopwatch.StartNew();
            await Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = creating.Id });
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"stop waited {clock.Elapsed}");
            await Assert.ThrowsAsync<RpcException>(() => run);
            Assert.Empty((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
        });
    }

    [Fact]
    public async Task AFailedDelIsRetriedUntilItSucceeds()
    {
        var broken = Path.Combine(World.Base, "del-broken");
        var calls = Path.Combine(World.Base, "del-calls");
        World.WritePlugin("fickle", $"""
            if [ $CNI_COMMAND = DEL ]; then
              echo DEL >> {calls}
              [ -e {broken} ] && echo '{"{\"cniVersion\":\"1.0.0\",\"code\":11,\"msg\":\"broken on purpose\"}"}' && exit 1
              exit 0
            fi
            echo '{"{\"cniVersion\":\"1.0.0\"}"}'
            """);
        await WithConflistAsync($"{{\"cniVersion\":\"1.0.0\",\"name\":\"{World.Network}\",\"plugins\":[{{\"type\":\"fickle\"}}]}}", async () =>
        {
            var pod = await RunPodAsync();
            await File.WriteAllTextAsync(broken, "");
            await Faults.ExpectAsync(StatusCode.Unavailable, () => pod.StopAsync(), "broken on purpose");
            Assert.Equal(PodSandboxState.SandboxNotready, (await pod.StatusAsync()).State);
            File.Delete(broken);
            await pod.StopAsync();
            await pod.RemoveAsync();
            Assert.True(File.ReadLines(calls).Count() >= 2, "DEL was tried again");
        });
    }

    [Fact]
    public async Task APluginGetsThePodsNamesAndThePreviousResult()
    {
        var seen = Path.Combine(World.Base, "seen");
        World.WritePlugin("witness", $"""
            [ $CNI_COMMAND = ADD ] && printf '%s\n%s\n%s\n' "$CNI_ARGS" "$CNI_IFNAME" "$conf" > {seen}
            printf '%s' "$conf" | {Installation.Tool("python3")} -c 'import json,sys; print(json.dumps(json.load(sys.stdin).get("prevResult", dict(cniVersion="1.0.0"))))'
            """);
        await WithConflistAsync(World.Conflist(extraPlugins: ",{\"type\":\"witness\",\"capabilities\":{\"dns\":true}}"), async () =>
        {
            var pod = await RunPodAsync(p => p.DnsConfig = new DNSConfig { Servers = { "10.96.0.10" } });
            var text = await File.ReadAllTextAsync(seen);
            Assert.Contains($"K8S_POD_NAME={pod.Config.Metadata.Name}", text, StringComparison.Ordinal);
            Assert.Contains("K8S_POD_NAMESPACE=tests", text, StringComparison.Ordinal);
            Assert.Contains($"K8S_POD_UID={pod.Config.Metadata.Uid}", text, StringComparison.Ordinal);
            Assert.Contains($"K8S_POD_INFRA_CONTAINER_ID={pod.Id}", text, StringComparison.Ordinal);
            Assert.Contains("\neth0\n", text, StringComparison.Ordinal);
            var conf = JsonNode.Parse(text[text.IndexOf('{', StringComparison.Ordinal)..])!;
            Assert.Equal("10.96.0.10", (string?)conf["runtimeConfig"]!["dns"]!["servers"]![0]);
            Assert.StartsWith(World.SubnetPrefix, (string?)conf["prevResult"]!["ips"]![0]!["address"], StringComparison.Ordinal);
        });
    }

    private static async Task<string> GetAsync(string url)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        return await Http.GetStringAsync(url, deadline.Token);
    }

    private Task WithConflistAsync(string content, Func<Task> test) => Daemon.WithConflistAsync(content, test);
}
