using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Streaming;

/// <summary>A stream that a client may open: what it asked for, checked once, and checked again when it connects.</summary>
/// <param name="Kind">exec, attach or portforward, as the URL says it.</param>
/// <param name="Owner">The container, or the pod sandbox.</param>
public sealed record StreamTicket(string Kind, string Owner, Func<SessionTarget> Prepare)
{
    public const string Exec = "exec";
    public const string Attach = "attach";
    public const string PortForward = "portforward";
}

/// <summary>What a session is to serve.</summary>
/// <param name="LeafCgroup">Where an exec's own cgroup is; empty for others.</param>
public sealed record SessionTarget(string Owner, string LeafCgroup, Action<SessionLaunch> Fill);
