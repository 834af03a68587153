using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Swap;

/// <summary>
/// What a generation's config.json says so that it gets the listeners of the one before it: at L1 and L2 the variables of sd_listen_fds(3),
/// at L3 a filter that holds bind(2) for the shim. What an earlier swap said is taken out first.
/// </summary>
internal sealed class SocketHandover(Level level, HoldSocketsResponse held, string architecture)
{
    private static readonly string[] Variables = ["LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES="];

    /// <summary>How many descriptors the shim is to pass; 0 where it passes none.</summary>
    public uint Count => level == Level.L0 ? 0 : (uint)held.Sockets.Count;

    /// <exception cref="RuntimeFault">FailedPrecondition: the level can't serve what the container listens on.</exception>
    public void Check(string id)
    {
        if (level == Level.L0) return;
        if (held.Sockets.Count == 0) throw Refused(id, "it listens on no stream socket that could be handed on; use level L0");
        if (level != Level.L1 && held.Unfit.Count > 0)
            throw Refused(id, $"two generations can't both have {string.Join(" and ", held.Unfit)}; use level L1 or L0, where one ends before the other starts");
    }

    /// <param name="filterSocket">Where runc hands the descriptor of the filter over.</param>
    /// <exception cref="RuntimeFault">FailedPrecondition: the level and the container's own settings exclude each other.</exception>
    public RuntimeSpec Into(RuntimeSpec spec, string id, string filterSocket) => level switch
    {
        Level.L1 or Level.L2 => WithDescriptors(Without(spec), id),
        Level.L3 => WithFilter(Without(spec), id, filterSocket),
        _ => Without(spec),
    };

    /// <summary>A spec that a swap has written, without what its level put into it.</summary>
    private static RuntimeSpec Without(RuntimeSpec spec) => spec with
    {
        Process = spec.Process with { Env = [.. spec.Process.Env.Where(v => !Array.Exists(Variables, n => v.StartsWith(n, StringComparison.Ordinal)))] },
        Linux = spec.Linux with { Seccomp = SeccompBindNotify.Original(spec.Linux.Seccomp) },
    };

    private RuntimeSpec WithDescriptors(RuntimeSpec spec, string id)
    {
        // LISTEN_PID is written before there is a process: right only where its number is known, and a wrong one would be ignored in silence.
        if (!spec.Linux.Namespaces.Any(n => n is { Type: "pid", Path: null }))
            throw Refused(id, $"level {level} names the process in LISTEN_PID, and only in a PID namespace of its own that is 1; use level L3 or L0");
        string[] added = [$"LISTEN_FDS={held.Sockets.Count}", "LISTEN_PID=1", $"LISTEN_FDNAMES={string.Join(':', held.Sockets.Select(s => s.Name))}"];
        return spec with { Process = spec.Process with { Env = [.. spec.Process.Env, .. added] } };
    }

    private RuntimeSpec WithFilter(RuntimeSpec spec, string id, string filterSocket)
    {
        var composed = SeccompBindNotify.Compose(spec.Linux.Seccomp, (architecture, filterSocket), out var refusal);
        if (refusal is not null) throw Refused(id, $"its seccomp profile {refusal}, and level L3 has to see each bind; use level L1, L2 or L0");
        return spec with { Linux = spec.Linux with { Seccomp = composed } };
    }

    private static RuntimeFault Refused(string id, string cause) => RuntimeFault.FailedPrecondition($"failed to swap container '{id}': {cause}");
}
