using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Serving;

/// <summary>What a shim and a session are given before anything else: signals, the adoption of orphans, the kernel's mercy.</summary>
internal static class ProcessSetup
{
    private const int SIGHUP = 1;
    private const int SIGINT = 2;
    private const int SIGTERM = 15;
    private const int SIGCHLD = 17;

    /// <exception cref="RuntimeFault">FailedPrecondition: started with SIGCHLD unblocked.</exception>
    public static void Apply()
    {
        if (!SignalMask.IsBlocked(SIGCHLD))
        {
            throw RuntimeFault.FailedPrecondition(
                "failed to start the shim: SIGCHLD is not blocked; block it before exec, runtime threads inherit the mask");
        }

        // A service manager's sweep must not end pods, however this process was started.
        foreach (var signal in (ReadOnlySpan<int>)[SIGHUP, SIGINT, SIGTERM]) SignalMask.Ignore(signal);
        ChildProcesses.BecomeSubreaper();
        // Refused without CAP_SYS_RESOURCE, which is no reason not to serve.
        CgroupFile.TryWrite("/proc/self/oom_score_adj", "-999");
    }
}
