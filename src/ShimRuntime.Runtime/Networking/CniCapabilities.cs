using System.Text.Json.Nodes;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Networking;

/// <summary>runtimeConfig values by capability, from what kubelet says of a pod (CNI CONVENTIONS.md); a plugin gets those it declares.</summary>
internal static class CniCapabilities
{
    private const string IngressBandwidth = "kubernetes.io/ingress-bandwidth";
    private const string EgressBandwidth = "kubernetes.io/egress-bandwidth";
    private const long MinRate = 1_000; // bit/s; the limits that Kubernetes sets: 1k and 1P
    private const long MaxRate = 1_000_000_000_000_000;

    /// <summary>Throws InvalidArgument for a port or rate that no plugin could obey.</summary>
    public static JsonObject From(PodSandboxConfig config, string podCidr, string cgroupPath)
    {
        var capabilities = new JsonObject
        {
            ["io.kubernetes.cri.pod-annotations"] = Annotations(config),
            ["cgroupPath"] = cgroupPath,
        };
        if (PortMappings(config) is { Count: > 0 } ports) capabilities["portMappings"] = ports;
        if (Bandwidth(config) is { Count: > 0 } bandwidth) capabilities["bandwidth"] = bandwidth;
        if (Dns(config.DnsConfig) is { Count: > 0 } dns) capabilities["dns"] = dns;
        if (IpRanges(podCidr) is { Count: > 0 } ranges) capabilities["ipRanges"] = ranges;
        return capabilities;
    }

    /// <summary>A mapping without a host port only documents; it is not the plugin's business.</summary>
    private static JsonArray PortMappings(PodSandboxConfig config)
    {
        var ports = new JsonArray();
        foreach (var mapping in config.PortMappings.Where(m => m.HostPort != 0))
        {
            if (mapping.HostPort is < 1 or > 65535 || mapping.ContainerPort is < 1 or > 65535)
                throw Bad($"port_mappings: port mapping {mapping.HostPort} to {mapping.ContainerPort} is not within 1 to 65535");
            if (mapping.HostIp.Length > 0 && !System.Net.IPAddress.TryParse(mapping.HostIp, out _)) throw Bad($"port_mappings: host_ip '{mapping.HostIp}' is no address");
            ports.Add((JsonNode)new JsonObject
            {
                ["hostPort"] = mapping.HostPort,
                ["containerPort"] = mapping.ContainerPort,
                ["protocol"] = mapping.Protocol.ToString().ToLowerInvariant(),
                ["hostIP"] = mapping.HostIp,
            });
        }

        return ports;
    }

    private static JsonObject Bandwidth(PodSandboxConfig config)
    {
        var bandwidth = new JsonObject();
        AddRate(bandwidth, "ingress", config.Annotations.TryGetValue(IngressBandwidth, out var ingress) ? ingress : null);
        AddRate(bandwidth, "egress", config.Annotations.TryGetValue(EgressBandwidth, out var egress) ? egress : null);
        return bandwidth;
    }

    /// <summary>Rates in bit/s; the burst is as large as the plugin's type holds, as every CRI runtime gives it.</summary>
    private static void AddRate(JsonObject bandwidth, string direction, string? quantity)
    {
        if (quantity is null) return;
        var rate = Quantity.TryParse(quantity) ?? throw Bad($"annotations: {direction} bandwidth '{quantity}' is no quantity such as 10M");
        if (rate is < MinRate or > MaxRate) throw Bad($"annotations: {direction} bandwidth '{quantity}' is not within 1k and 1P");
        bandwidth[$"{direction}Rate"] = rate;
        bandwidth[$"{direction}Burst"] = uint.MaxValue;
    }

    private static JsonObject Dns(DNSConfig? config)
    {
        var dns = new JsonObject();
        if (config is null) return dns;
        if (config.Servers.Count > 0) dns["servers"] = Strings(config.Servers);
        if (config.Searches.Count > 0) dns["searches"] = Strings(config.Searches);
        if (config.Options.Count > 0) dns["options"] = Strings(config.Options);
        return dns;
    }

    /// <summary>One range set per family, so that each pod gets an address of each.</summary>
    private static JsonArray IpRanges(string podCidr)
    {
        var sets = new JsonArray();
        foreach (var cidr in podCidr.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            sets.Add((JsonNode)new JsonArray(new JsonObject { ["subnet"] = cidr }));
        return sets;
    }

    private static JsonObject Annotations(PodSandboxConfig config)
    {
        var annotations = new JsonObject();
        foreach (var (key, value) in config.Annotations) annotations[key] = value;
        return annotations;
    }

    private static JsonArray Strings(IEnumerable<string> values)
    {
        var array = new JsonArray();
        foreach (var value in values) array.Add((JsonNode?)JsonValue.Create(value));
        return array;
    }

    private static RuntimeFault Bad(string cause) => RuntimeFault.InvalidArgument($"failed to set up pod network: {cause}");
}
