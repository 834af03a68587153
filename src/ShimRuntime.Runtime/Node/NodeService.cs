using System.Buffers;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Networking;

namespace ShimRuntime.Runtime.Node;

/// <summary>What the node is told about the runtime itself.</summary>
internal sealed class NodeService(RuntimeOptions options, PodNetwork network, RuncProbe runc, ApparmorNode apparmor, IEventService events)
    : INodeService
{
    private const string KubeApiVersion = "0.1.0"; // kubelet asks for and expects exactly this
    private const string CriVersion = "v1";
    private const string DefaultHandler = "runc";

    private static readonly string OwnVersion =
        typeof(NodeService).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
        ?? "0.0.0";

    public VersionResponse Version(VersionRequest request) => new()
    {
        Version = KubeApiVersion,
        RuntimeName = "shimruntime",
        RuntimeVersion = OwnVersion,
        RuntimeApiVersion = CriVersion,
    };

    public async Task<StatusResponse> StatusAsync(bool verbose, CancellationToken client)
    {
        var answer = await runc.AskAsync(client).ConfigureAwait(false);
        var readiness = network.Readiness();
        var response = new StatusResponse
        {
            Status = new RuntimeStatus
            {
                Conditions = { RuntimeReady(answer, apparmor.Problem()), NetworkReady(readiness) },
            },
            Features = new RuntimeFeatures { SupplementalGroupsPolicy = true },
            // The empty name is the default handler; what is not true yet is not claimed, or pods that need it would be admitted.
            RuntimeHandlers = { Handler(""), Handler(DefaultHandler) },
        };
        if (!verbose) return response;
        response.Info["config"] = Configuration(answer, readiness);
        response.Info["events"] = Events(events.State);
        return response;
    }

    public RuntimeConfigResponse Config() => new()
    {
        Linux = new LinuxRuntimeConfiguration
        {
            CgroupDriver = options.CgroupDriver == "systemd" ? CgroupDriver.Systemd : CgroupDriver.Cgroupfs,
        },
    };

    public void UpdateConfig(UpdateRuntimeConfigRequest request)
    {
        var cidr = request.RuntimeConfig?.NetworkConfig?.PodCidr ?? "";
        foreach (var one in cidr.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!System.Net.IPNetwork.TryParse(one, out _))
                throw RuntimeFault.InvalidArgument($"failed to update runtime config: pod_cidr '{one}' is no CIDR");
        }

        if (cidr.Length > 0) network.PodCidr = cidr;
    }

    /// <summary>
    /// An old runc is usable and may have been patched by its distribution: ready, with what is known of its number as message. The same
    /// goes for an AppArmor default that is missing.
    /// </summary>
    private static RuntimeCondition RuntimeReady(RuncProbe.Answer answer, string? apparmorProblem)
    {
        var condition = new RuntimeCondition { Type = "RuntimeReady", Status = answer.Failure is null };
        if (answer.Failure is { } failure)
        {
            condition.Reason = "RuncMissing";
            condition.Message = failure;
        }
        else if (answer.Version!.KnownProblems() is { Count: > 0 } problems)
        {
            condition.Message = $"runc {answer.Version.Text} is older than fixes of {string.Join("; ", problems)}; make sure that your "
                + "distribution has them";
        }

        if (apparmorProblem is not null) condition.Message = condition.Message.Length == 0 ? apparmorProblem : $"{condition.Message}; {apparmorProblem}";
        return condition;
    }

    private static RuntimeCondition NetworkReady(NetworkReadiness readiness) => new()
    {
        Type = "NetworkReady",
        Status = readiness.Ready,
        Reason = readiness.Reason,
        Message = readiness.Message,
    };

    private static RuntimeHandler Handler(string name) => new() { Name = name, Features = new RuntimeHandlerFeatures() };

    /// <summary>sequence: number of the last event of this daemon; a subscriber that has fewer has missed some.</summary>
    private static string Events(EventFeedState state) => string.Create(CultureInfo.InvariantCulture,
        $$"""{"sequence":{{state.Sequence}},"subscribers":{{state.Subscribers}},"cutOff":{{state.CutOff}}}""");

    private string Configuration(RuncProbe.Answer answer, NetworkReadiness readiness)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("rootDir", options.Root);
            json.WriteString("stateDir", options.State);
            json.WriteString("netnsDir", options.NetnsDirectory);
            json.WriteString("cniConfDir", options.CniConfDirectory);
            json.WriteStartArray("cniBinDirs");
            foreach (var directory in options.CniBinDirectories) json.WriteStringValue(directory);
            json.WriteEndArray();
            json.WriteString("cniStatus", readiness.Ready ? "OK" : readiness.Message);
            json.WriteString("podCIDR", network.PodCidr);
            json.WriteString("runcPath", options.RuncPath);
            json.WriteString("runcVersion", answer.Version?.Text ?? "");
            json.WriteString("shimPath", options.ShimPath);
            json.WriteString("cgroupDriver", options.CgroupDriver);
            json.WriteString("cgroupRoot", options.CgroupRoot);
            json.WriteString("apparmorProfile", apparmor.IsWanted ? options.ApparmorProfile : "");
            json.WriteString("cniTimeout", options.CniTimeout.ToString("c", CultureInfo.InvariantCulture));
            json.WriteString("runcTimeout", options.RuncTimeout.ToString("c", CultureInfo.InvariantCulture));
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
