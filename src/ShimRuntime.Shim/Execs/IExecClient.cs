using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Execs;

/// <summary>Who has asked for an exec: gets its output, and once how it ended.</summary>
internal interface IExecClient
{
    /// <summary>That its answer goes to; null: it is one of our own.</summary>
    ShimCall? Call { get; }

    /// <summary>It reads slower than the exec writes: nothing more until <see cref="OnDrained"/>.</summary>
    bool IsCongested { get; }

    /// <summary>Called when nobody waits for the exec any more.</summary>
    Action? OnAbandoned { set; }

    Action? OnDrained { set; }

    void SendOutput(bool stderr, ReadOnlySpan<byte> bytes);

    void Finish(ExecSyncResult result);

    /// <summary>It never ran.</summary>
    void Fail(FaultCode code, string message);
}
