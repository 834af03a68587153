using System.Globalization;
using System.Net;
using Google.Protobuf;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;
using ShimEvent = ShimRuntime.ShimProtocol.V1.SwapEvent;
using ShimRequest = ShimRuntime.ShimProtocol.V1.SwapRequest;
using SwapEvent = ShimRuntime.Cri.HotSwap.V1.SwapEvent;

namespace ShimRuntime.Runtime.Swap;

/// <summary>Between the operator's messages, the shim's and swap.json. Their numbers for phases, levels and outcomes are the same.</summary>
internal static class SwapMessages
{
    private const string Loopback = "127.0.0.1";

    public static ShimRequest ToShim(ContainerRecord record, (PendingSwap Pending, SwapTerms Terms) swap, RuntimeSpec target, Sandbox sandbox)
    {
        var (pending, terms) = swap;
        return new ShimRequest
        {
            RequestId = pending.RequestId,
            Old = Generation(record, pending.Old),
            Target = Generation(record, pending.Target),
            Fallback = Generation(record, pending.Old with { Number = pending.Fallback }),
            Level = (SwapLevel)terms.Level,
            Ready = Ready(terms.Ready, target, sandbox),
            DrainSignal = terms.DrainSignal == 0 ? record.StopSignal : terms.DrainSignal,
            DrainMilliseconds = (ulong)terms.DrainMilliseconds,
            ProbationMilliseconds = (ulong)terms.ProbationMilliseconds,
            KeepNew = terms.KeepsNew,
        };
    }

    public static SwapEvent ToOperator(PendingSwap pending, ShimEvent happened) => new()
    {
        RequestId = pending.RequestId,
        Phase = (Phase)happened.Phase,
        AtNanos = happened.AtNanos,
        Generation = happened.Generation,
        NewGeneration = pending.Target.Number,
        Cause = happened.Cause,
    };

    /// <summary>The events of a swap that an earlier daemon saw, or none.</summary>
    public static IEnumerable<SwapEvent> ToOperator(SwapEntry swap, uint current) => swap.Timeline.Select(step => new SwapEvent
    {
        RequestId = swap.RequestId,
        Phase = (Phase)step.Phase,
        AtNanos = step.AtNanos,
        Generation = current,
        NewGeneration = swap.Target,
        Outcome = step.Phase == SwapPhase.Done ? (Outcome)swap.Outcome : Outcome.Unspecified,
        Cause = step.Phase == SwapPhase.Done ? swap.Cause : "",
    });

    private static SwapGeneration Generation(ContainerRecord record, GenerationSource source) => new()
    {
        Number = source.Number, LeafCgroup = CgroupNames.Leaf(record.ContainerCgroup, source.Number, record.Id), ImageId = source.ImageId,
    };

    private static SwapReadiness Ready(Readiness asked, RuntimeSpec target, Sandbox sandbox)
    {
        var address = asked.Host.Length > 0 ? asked.Host : sandbox.PrimaryIp.Length > 0 && sandbox.NetworkNamespace is not null ? sandbox.PrimaryIp : Loopback;
        var host = IPAddress.TryParse(address, out var parsed) && parsed.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{address}]" : address;
        return new SwapReadiness
        {
            Kind = (SwapReadiness.Types.Kind)asked.Kind,
            Address = address,
            Port = asked.Port,
            Path = asked.Path,
            HostHeader = string.Create(CultureInfo.InvariantCulture, $"{host}:{asked.Port}"),
            ProcessJson = asked.Command.Count == 0 ? ByteString.Empty : ByteString.CopyFrom(RuntimeJson.Serialize(ExecSpec.Process(target, asked.Command))),
            TimeoutMilliseconds = (ulong)asked.TimeoutMilliseconds,
            PeriodMilliseconds = (ulong)asked.PeriodMilliseconds,
            Successes = asked.Successes,
        };
    }
}
