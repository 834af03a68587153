using ShimRuntime.Cri.V1;
using ShimRuntime.PowerLoss.Tests.Story;

namespace ShimRuntime.PowerLoss.Tests.Replay;

/// <summary>What the daemon tells of a disk that it was started on.</summary>
public sealed record Findings(
    IReadOnlyCollection<string> Images, IReadOnlyDictionary<string, PodSandboxStatus> Pods, IReadOnlyDictionary<string, ContainerStatus> Containers,
    IReadOnlyDictionary<string, string> PodOf)
{
    private const int Unknown = 255;

    /// <summary>Where it differs from what a client was told.</summary>
    public IEnumerable<string> Against(Ledger ledger)
    {
        foreach (var id in Images.Concat(ledger.Ids(Verb.Pull)).Distinct())
        {
            if (Wrong(ledger.Image(id), Images.Contains(id)) is { } fault) yield return $"image {id} {fault}";
        }

        foreach (var id in Pods.Keys.Concat(ledger.Ids(Verb.RunPod)).Distinct())
        {
            if (Wrong(ledger.Pod(id), Pods.ContainsKey(id)) is { } fault) yield return $"pod {id} {fault}";
        }

        foreach (var id in Containers.Keys.Concat(ledger.Ids(Verb.Create)).Distinct())
        {
            if (Wrong(ledger.Container(id), Containers.ContainsKey(id)) is { } fault) yield return $"container {id} {fault}";
            if (!Containers.TryGetValue(id, out var status)) continue;
            if (ledger.ExitOf(id) is { } seen && status.ExitCode != seen) yield return $"container {id} had been seen to end with {seen} and now has {status.ExitCode}";
            if (ledger.SwappedTo(id) is { } image && status.ImageId != image) yield return $"container {id} had been swapped to {image} and now has {status.ImageId}";
        }
    }

    /// <summary>What no disk excuses.</summary>
    /// <param name="codes">The codes that a container can have ended with.</param>
    public IEnumerable<string> Amiss(IReadOnlySet<int> codes)
    {
        foreach (var (id, pod) in Pods)
        {
            if (pod.State != PodSandboxState.SandboxNotready) yield return $"pod {id} is {pod.State} after a reboot";
        }

        foreach (var (id, container) in Containers)
        {
            if (container.State != ContainerState.ContainerExited) yield return $"container {id} is {container.State} after a reboot";
            if (container.ExitCode != Unknown && !codes.Contains(container.ExitCode)) yield return $"container {id} never ended with {container.ExitCode}";
            if (container.ExitCode == Unknown && container.Reason != "Unknown") yield return $"container {id}: 255 for '{container.Reason}'";
            if (!Pods.ContainsKey(PodOf[id])) yield return $"container {id} is in pod {PodOf[id]}, which is not listed";
        }
    }

    private static string? Wrong(Presence presence, bool there) => (presence, there) switch
    {
        (Presence.Must, false) => "is gone, and a client was told that it is there",
        (Presence.MustNot, true) => "is there, and a client was told that it is gone, or never asked for it",
        _ => null,
    };
}
