namespace ShimRuntime.Chaos.Tests;

/// <summary>What happens at a failpoint.</summary>
public enum Death
{
    Error,
    Delay,
    KillDaemon,
    KillShim,
}
