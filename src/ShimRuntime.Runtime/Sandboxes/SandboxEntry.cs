using Google.Protobuf;
using ShimRuntime.Runtime.Concurrency;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>
/// One sandbox in memory: the snapshot that everybody reads, and what only its service needs. Decisions and phase changes are made
/// under <see cref="Gate"/>; reading <see cref="Current"/> takes no lock.
/// </summary>
public sealed class SandboxEntry(Sandbox initial, ByteString request)
{
    private volatile Sandbox _current = initial;

    public string Id => _current.Id;

    public Sandbox Current => _current;

    /// <summary>kubelet's RunPodSandboxRequest, byte for byte.</summary>
    public ByteString Request { get; } = request;

    internal Gate Gate { get; } = new();

    /// <summary>Cancels the creation that is under way; null once it has ended.</summary>
    internal CancellationTokenSource? Creation { get; set; }

    /// <summary>Ends when the creation, with its undo, has.</summary>
    internal TaskCompletionSource Created { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The stop that runs; later callers join it. Null: none.</summary>
    internal Task? Stop { get; set; }

    /// <summary>The removal that runs; later callers join it. Null: none.</summary>
    internal Task? Removal { get; set; }

    /// <summary>Swaps the snapshot whole; called by the gate's holder.</summary>
    internal Sandbox Update(Func<Sandbox, Sandbox> change) => _current = change(_current);
}
