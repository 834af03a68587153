using System.Text.Json.Nodes;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Networking;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Networking;

/// <summary>Results in, capabilities out.</summary>
public class CniValueTests
{
    [Fact]
    public void Dual_stack_addresses_of_the_pods_interface_count_in_order()
    {
        var result = Parse("""
            {"cniVersion":"1.0.0",
             "interfaces":[{"name":"br0"},{"name":"veth1"},{"name":"eth0","sandbox":"/run/netns/x"}],
             "ips":[{"interface":2,"address":"10.1.2.3/24"},{"interface":0,"address":"10.1.2.1/24"},{"interface":2,"address":"fd00::5/64"}]}
            """);
        Assert.Equal(["10.1.2.3", "fd00::5"], CniResult.AddressesOf(result, "eth0"));
    }

    [Fact]
    public void The_old_shape_with_version_and_without_interface_is_read()
    {
        var result = Parse("""{"cniVersion":"0.3.1","ips":[{"version":"6","address":"fd00::5/64"},{"version":"4","address":"10.1.2.3/24"}]}""");
        Assert.Equal(["fd00::5", "10.1.2.3"], CniResult.AddressesOf(result, "eth0"));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"ips":{}}""")]
    [InlineData("""{"ips":[1,"x",{"address":7},{"address":"no address"},{"interface":9,"address":"10.0.0.1/8"},{"interface":-1,"address":"10.0.0.1/8"}]}""")]
    public void Nonsense_has_no_addresses(string text) => Assert.Empty(CniResult.AddressesOf(Parse(text), "eth0"));

    [Fact]
    public void What_kubelet_says_of_a_pod_becomes_capabilities()
    {
        var config = new PodSandboxConfig { DnsConfig = new DNSConfig { Servers = { "10.0.0.10" }, Searches = { "svc" }, Options = { "ndots:5" } } };
        config.PortMappings.Add(new PortMapping { HostPort = 8080, ContainerPort = 80, Protocol = Protocol.Udp, HostIp = "127.0.0.1" });
        config.PortMappings.Add(new PortMapping { HostPort = 0, ContainerPort = 81 });
        config.Annotations["kubernetes.io/ingress-bandwidth"] = "10M";

        var capabilities = CniCapabilities.From(config, "10.1.0.0/24, fd00::/64", "/pods/1");

        Assert.Equal("""[{"hostPort":8080,"containerPort":80,"protocol":"udp","hostIP":"127.0.0.1"}]""", Json(capabilities, "portMappings"));
        Assert.Equal("""{"ingressRate":10000000,"ingressBurst":4294967295}""", Json(capabilities, "bandwidth"));
        Assert.Equal("""{"servers":["10.0.0.10"],"searches":["svc"],"options":["ndots:5"]}""", Json(capabilities, "dns"));
        Assert.Equal("""[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]]""", Json(capabilities, "ipRanges"));
        Assert.Equal("10M", (string?)capabilities["io.kubernetes.cri.pod-annotations"]!["kubernetes.io/ingress-bandwidth"]);
    }

    [Fact]
    public void What_was_not_said_is_not_passed_on()
    {
        var capabilities = CniCapabilities.From(new PodSandboxConfig(), "", "/pods/1");
        Assert.Equal(["io.kubernetes.cri.pod-annotations", "cgroupPath"], capabilities.Select(c => c.Key));
    }

    [Theory]
    [InlineData("lots")]
    [InlineData("999")]
    [InlineData("2P")]
    [InlineData("-10M")]
    public void A_bandwidth_that_is_none_is_refused(string quantity)
    {
        var config = new PodSandboxConfig();
        config.Annotations["kubernetes.io/egress-bandwidth"] = quantity;
        var fault = Assert.Throws<RuntimeFault>(() => CniCapabilities.From(config, "", "/"));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
    }

    [Theory]
    [InlineData(70000, 80, "")]
    [InlineData(80, 0, "")]
    [InlineData(80, 80, "host;rm")]
    public void A_port_mapping_that_is_none_is_refused(int host, int container, string address)
    {
        var config = new PodSandboxConfig();
        config.PortMappings.Add(new PortMapping { HostPort = host, ContainerPort = container, HostIp = address });
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => CniCapabilities.From(config, "", "/")).Code);
    }

    [Theory]
    [InlineData("10M", 10_000_000L)]
    [InlineData("1.5Gi", 1_610_612_736L)]
    [InlineData("100k", 100_000L)]
    [InlineData("2e6", 2_000_000L)]
    [InlineData("1500m", 2L)]
    [InlineData("7", 7L)]
    [InlineData("", null)]
    [InlineData("M", null)]
    [InlineData("10MB", null)]
    [InlineData("99999999999P", null)]
    public void Quantities(string text, long? expected) => Assert.Equal(expected, Quantity.TryParse(text));

    private static JsonObject Parse(string text) => (JsonObject)JsonNode.Parse(text)!;

    private static string Json(JsonObject node, string key) => node[key]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
