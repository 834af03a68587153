namespace ShimRuntime.ShimProtocol;

/// <summary>What the kernel's OOM killer did to one generation.</summary>
/// <param name="Level"><see cref="OomLevel.None"/> unless the init itself was its victim.</param>
/// <param name="Cgroup">The cgroup whose limit was hit; empty when not known or the machine.</param>
/// <param name="Kills">Processes of the generation that it killed, children of a surviving init included.</param>
public readonly record struct OomVerdict(OomLevel Level, string Cgroup, ulong Kills)
{
    public bool IsOomKilled => Level != OomLevel.None;

    /// <summary>A sentence for ExitStatus.message; empty when there was no OOM kill of the init.</summary>
    public string Sentence => Level switch
    {
        OomLevel.None => "",
        OomLevel.Container => "killed by the kernel's OOM killer at the container's own memory limit",
        OomLevel.Pod => "killed by the kernel's OOM killer at the pod's memory limit",
        OomLevel.Ancestor => $"killed by the kernel's OOM killer at the memory limit of '{Cgroup}', above the pod",
        OomLevel.Machine => "killed by the kernel's OOM killer: the machine was out of memory",
        _ => "killed by the kernel's OOM killer, level unknown",
    };
}
