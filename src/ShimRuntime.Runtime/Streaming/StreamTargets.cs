using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.ShimProtocol.V1;
using AttachRequest = ShimRuntime.Cri.V1.AttachRequest;

namespace ShimRuntime.Runtime.Streaming;

/// <summary>
/// What Exec, Attach and PortForward may be asked, and what a session is told to do for them. The checks are made when the URL is given
/// out and again when it is used: a container may have ended, or been swapped, in between.
/// </summary>
internal sealed class StreamTargets(ContainerParts parts, ISandboxStore sandboxes)
{
    private const int MaxPorts = 64;
    private const int LargestPort = 65535;
    private readonly ContainerPaths _paths = parts.Files.Paths;

    public SessionTarget Exec(ExecRequest request)
    {
        var entry = Running(request.ContainerId, "exec in");
        var streams = new ClientStreams { Stdin = request.Stdin, Stdout = request.Stdout, Stderr = request.Stderr, Tty = request.Tty };
        Check(streams, $"failed to exec in container '{entry.Id}'");
        var record = entry.Serving;
        var sandbox = sandboxes.Find(record.SandboxId);
        var target = new ExecTarget
        {
            ContainerId = record.Id,
            Streams = streams,
            RuncPath = parts.Handlers.PathOf(sandbox?.RuntimeHandler ?? ""),
            RuncRoot = _paths.RuncRoot,
            RuncId = $"{record.Id}.g{record.Generation}",
            ProcessJson = ByteString.CopyFrom(parts.Bundles.ExecProcess(entry, request.Cmd, request.Tty)),
            LeafCgroup = record.LeafCgroup,
            StdioUid = sandbox?.Users?.Uids.Outside ?? 0,
            StdioGid = sandbox?.Users?.Gids.Outside ?? 0,
        };
        return new SessionTarget(record.Id, record.LeafCgroup, launch => launch.Exec = target);
    }

    public SessionTarget Attach(AttachRequest request)
    {
        var entry = Running(request.ContainerId, "attach to");
        var streams = new ClientStreams { Stdin = request.Stdin, Stdout = request.Stdout, Stderr = request.Stderr, Tty = request.Tty };
        Check(streams, $"failed to attach to container '{entry.Id}'");
        var target = new AttachTarget { ContainerId = entry.Id, Streams = streams, ShimSocket = _paths.Socket(entry.Id) };
        return new SessionTarget(entry.Id, "", launch => launch.Attach = target);
    }

    public SessionTarget PortForward(PortForwardRequest request)
    {
        var sandbox = sandboxes.Find(request.PodSandboxId) ?? throw RuntimeFault.NotFound(
            $"failed to forward ports to pod sandbox '{request.PodSandboxId}': there is no such pod sandbox");
        var failure = $"failed to forward ports to pod sandbox '{sandbox.Id}'";
        if (sandbox.Phase != SandboxPhase.Ready) throw RuntimeFault.FailedPrecondition($"{failure}: it is not ready");
        if (request.Port.Count > MaxPorts)
            throw RuntimeFault.InvalidArgument($"{failure}: port has {request.Port.Count} entries, {MaxPorts} are the most");
        foreach (var port in request.Port)
        {
            if (port is < 1 or > LargestPort) throw RuntimeFault.InvalidArgument($"{failure}: port {port} is not between 1 and {LargestPort}");
        }

        var target = new PortForwardTarget { SandboxId = sandbox.Id, NetworkNamespace = sandbox.NetworkNamespace ?? "" };
        target.Ports.AddRange(request.Port);
        return new SessionTarget(sandbox.Id, "", launch => launch.PortForward = target);
    }

    private ContainerEntry Running(string id, string verb)
    {
        var entry = parts.Store.Get(id, verb);
        return ContainerLifecycle.IsRunning(entry.Record.Phase) && entry.Shim is not null
            ? entry
            : throw RuntimeFault.FailedPrecondition(
                $"failed to {verb} container '{entry.Id}': it is {ContainerEntry.Describe(entry.Record.Phase)}, not running");
    }

    private static void Check(ClientStreams streams, string failure)
    {
        if (!streams.Stdin && !streams.Stdout && !streams.Stderr)
            throw RuntimeFault.InvalidArgument($"{failure}: none of stdin, stdout and stderr is asked for; ask for one at least");
        if (streams.Tty && streams.Stderr)
            throw RuntimeFault.InvalidArgument($"{failure}: tty and stderr can't both be asked for; a terminal's output is its stdout");
    }
}
