using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Concurrency;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>
/// One sandbox in memory: the snapshot that everybody reads, and what only its service needs. Decisions and phase changes are made
/// under <see cref="Gate"/>; reading <see cref="Current"/> takes no lock.
/// </summary>
internal sealed class SandboxEntry(Sandbox initial, RunPodSandboxRequest request)
{
    private volatile Sandbox _current = initial;

    public string Id => _current.Id;

    /// <summary>See <see cref="SandboxId.Name"/>.</summary>
    public string Name { get; } = SandboxId.Name(request.Config.Metadata);

    public Sandbox Current => _current;

    /// <summary>kubelet's request; never changed.</summary>
    public RunPodSandboxRequest Request { get; } = request;

    public Gate Gate { get; } = new();

    /// <summary>Cancels the creation while it is under way.</summary>
    public CancellationTokenSource? Creation { get; set; }

    /// <summary>Nothing when it is over, whether or not it has come to say so.</summary>
    public void CancelCreation()
    {
        try
        {
            Creation?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It failed by itself between the caller's look at the phase and this call.
        }
    }

    /// <summary>Ends when the creation, with its undo, has.</summary>
    public TaskCompletionSource Created { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The stop that runs or ran last; callers join one that runs.</summary>
    public Task? Stop { get; set; }

    /// <summary>The removal that runs or ran last; callers join one that runs.</summary>
    public Task? Removal { get; set; }

    /// <summary>True once subscribers have been told that it is no longer ready; each is told once.</summary>
    public bool EndTold { get; set; }

    /// <summary>Swaps the snapshot whole; called by the gate's holder, or by the creation before anybody else may.</summary>
    public Sandbox Update(Func<Sandbox, Sandbox> change) => _current = change(_current);
}
