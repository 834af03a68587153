namespace ShimRuntime.Linux;

/// <summary>A child of ours: its owner reaps it through <see cref="PidFd"/> and disposes this.</summary>
public sealed class SpawnedProcess(int pid, SafePidFd pidFd) : IDisposable
{
    public int Pid { get; } = pid;

    public SafePidFd PidFd { get; } = pidFd;

    public void Dispose() => PidFd.Dispose();
}
