using System.Text.Json.Nodes;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Networking;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>
/// Verbose PodSandboxStatus, under the key "info": the JSON keys that node tools read from containerd (pid, processStatus,
/// netNamespaceClosed, runtimeSpec.linux.namespaces, cniResult, sandboxMetadata), and our own.
/// </summary>
internal static class SandboxInfo
{
    public static string Json(Sandbox sandbox, CniAttachment? attachment)
    {
        var closed = sandbox.NetworkNamespace is { } pin && !LinuxNamespace.IsPinned(pin);
        var info = new JsonObject
        {
            ["pid"] = sandbox.InitPid,
            ["processStatus"] = ProcessStatus(sandbox),
            ["netNamespaceClosed"] = closed,
            ["runtimeHandler"] = sandbox.RuntimeHandler,
            ["runtimeType"] = "shimruntime.v1",
            ["config"] = Config(sandbox),
            ["runtimeSpec"] = Spec(sandbox),
            ["cniResult"] = attachment?.Result is { } result ? Cni(result) : null,
            ["sandboxMetadata"] = new JsonObject
            {
                ["ID"] = sandbox.Id,
                ["Name"] = SandboxId.Name(sandbox.Config.Metadata),
                ["NetNSPath"] = sandbox.NetworkNamespace ?? "",
                ["IP"] = sandbox.PrimaryIp,
                ["AdditionalIPs"] = Strings(sandbox.Ips.Skip(1)),
                ["RuntimeHandler"] = sandbox.RuntimeHandler,
            },
            ["sandboxID"] = sandbox.Id,
            ["netnsPath"] = sandbox.NetworkNamespace ?? "",
            ["phase"] = sandbox.Phase.ToString(),
            ["cgroupPath"] = sandbox.CgroupPath,
            ["hostname"] = sandbox.Hostname,
        };
        return info.ToJsonString();
    }

    private static string ProcessStatus(Sandbox sandbox)
    {
        if (sandbox.InitPid == 0) return sandbox.Phase == SandboxPhase.Ready ? "none" : "stopped";
        return new ProcessIdentity(sandbox.InitPid, sandbox.InitStartTicks).IsAlive ? "running" : "stopped";
    }

    /// <summary>The request, with overhead and resources as last told.</summary>
    private static JsonNode Config(Sandbox sandbox)
    {
        var config = sandbox.Config.Clone();
        if (config.Linux is { } linux) (linux.Overhead, linux.Resources) = (sandbox.Overhead, sandbox.Resources);
        return CriJson.ToNode(config);
    }

    /// <summary>There is no process with a spec of its own; the namespaces stand where tools look for them.</summary>
    private static JsonObject Spec(Sandbox sandbox)
    {
        var namespaces = new JsonArray();
        foreach (var (type, path) in new[]
        {
            ("network", sandbox.NetworkNamespace), ("ipc", sandbox.IpcNamespace), ("uts", sandbox.UtsNamespace), ("pid", sandbox.PidNamespace), ("user", sandbox.UserNamespace),
        })
        {
            if (path is not null) namespaces.Add((JsonNode)new JsonObject { ["type"] = type, ["path"] = path });
        }

        return new JsonObject
        {
            ["hostname"] = sandbox.Hostname,
            ["annotations"] = new JsonObject { ["io.kubernetes.cri.sandbox-id"] = sandbox.Id },
            ["linux"] = new JsonObject { ["cgroupsPath"] = sandbox.CgroupPath, ["namespaces"] = namespaces },
        };
    }

    /// <summary>go-cni's shape of a result: interfaces by name, each with its addresses.</summary>
    private static JsonObject Cni(JsonObject result)
    {
        var interfaces = new JsonObject();
        var list = (result["interfaces"] as JsonArray ?? []).OfType<JsonObject>().ToList();
        for (var i = 0; i < list.Count; i++)
        {
            var addresses = (result["ips"] as JsonArray ?? []).OfType<JsonObject>().Where(a => a["interface"] is JsonValue v && v.TryGetValue<int>(out var n) && n == i);
            var name = list[i]["name"] is JsonValue text && text.TryGetValue<string>(out var s) ? s : $"{i}";
            interfaces[name] = new JsonObject
            {
                ["IPConfigs"] = new JsonArray([.. addresses.Select(Address)]),
                ["Mac"] = list[i]["mac"]?.DeepClone(),
                ["Sandbox"] = list[i]["sandbox"]?.DeepClone(),
            };
        }

        return new JsonObject { ["Interfaces"] = interfaces, ["DNS"] = result["dns"]?.DeepClone(), ["Routes"] = result["routes"]?.DeepClone() };
    }

    private static JsonNode Address(JsonObject entry)
    {
        var cidr = entry["address"] is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";
        return new JsonObject { ["IP"] = cidr.Split('/')[0], ["Gateway"] = entry["gateway"]?.DeepClone() };
    }

    private static JsonArray Strings(IEnumerable<string> values)
    {
        var array = new JsonArray();
        foreach (var value in values) array.Add((JsonNode?)JsonValue.Create(value));
        return array;
    }
}
