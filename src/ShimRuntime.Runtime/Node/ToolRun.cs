using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Node;

/// <summary>One run of a program of the node to its end, with all that it says in a memory file: no reader is needed while it runs, so a deadline
/// on its end is a deadline on all of it.</summary>
/// <param name="MaxOutputBytes">What it says beyond that is refused to it.</param>
/// <param name="Patience">Then it is killed.</param>
/// <param name="WithErrors">Its stderr too; else that is /dev/null.</param>
internal sealed record ToolRun(int MaxOutputBytes, TimeSpan Patience, bool WithErrors)
{
    /// <param name="request">Without descriptors for its output.</param>
    /// <exception cref="LinuxException">It could not be started.</exception>
    /// <exception cref="OperationCanceledException">It was killed: the patience is over, or the token has fired.</exception>
    public async Task<(ExitCode Exit, byte[] Output)> RunAsync(ExitWatcher exits, SpawnRequest request, CancellationToken cancellation)
    {
        using var output = MemoryFile.Bounded("tool-output", MaxOutputBytes);
        var said = (int)output.DangerousGetHandle();
        FdMapping[] outputs = WithErrors ? [new FdMapping(said, 1), new FdMapping(said, 2)] : [new FdMapping(said, 1)];
        using var process = Spawner.Spawn(request with { Fds = [.. request.Fds, .. outputs] });
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        var exit = await exits.ReapOrKillAsync(process, deadline.Token).ConfigureAwait(false);
        return (exit, MemoryFile.ReadWritten(output));
    }
}
