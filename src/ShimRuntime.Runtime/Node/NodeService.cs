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
internal sealed class NodeService(
    RuntimeOptions options, PodNetwork network, RuntimeHandlers handlers, ApparmorNode apparmor, IEventService events) : INodeService
{
    private const string KubeApiVersion = "0.1.0"; // kubelet asks for and expects exactly this
    private const string CriVersion = "v1";

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
        var answers = new List<RuntimeHandlers.Answer>();
        foreach (var name in handlers.Names) answers.Add(await handlers.AskAsync(name, "failed to get status", client).ConfigureAwait(false));
        var answer = answers.Find(a => a.Options.Name == RuntimeHandlers.Default)!.Probe;
        var readiness = network.Readiness();
        var response = new StatusResponse
        {
            Status = new RuntimeStatus
            {
                Conditions = { RuntimeReady(answer, apparmor.Problem()), NetworkReady(readiness) },
            },
            Features = new RuntimeFeatures { SupplementalGroupsPolicy = true, MountOptions = true },
            RuntimeHandlers = { answers.SelectMany(Handlers) },
        };
        if (!verbose) return response;
        response.Info["config"] = Configuration(answer, readiness);
        response.Info["events"] = Events(events.State);
        response.Info["runtimeHandlers"] = HandlerInfo.Json(answers);
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

    /// <summary>The default one goes by its name and by none. One that can't be used is listed, and claims nothing.</summary>
    private static IEnumerable<RuntimeHandler> Handlers(RuntimeHandlers.Answer answer)
    {
        var features = new RuntimeHandlerFeatures();
        if (answer.Failure is null)
        {
            features.RecursiveReadOnlyMounts = answer.Features.RecursiveReadOnlyMounts;
            features.UserNamespaces = answer.Features.UserNamespaces;
        }

        if (answer.Options.Name == RuntimeHandlers.Default) yield return new RuntimeHandler { Name = "", Features = features };
        yield return new RuntimeHandler { Name = answer.Options.Name, Features = features };
    }

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
