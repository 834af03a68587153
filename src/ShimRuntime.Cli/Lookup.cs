using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli;

/// <summary>Finds what an operator means: an id, a prefix of one, or a name, as long as exactly one thing answers to it.</summary>
internal static class Lookup
{
    public static async Task<Container> ContainerAsync(Session session, string given, CancellationToken cancellation) =>
        await TryContainerAsync(session, given, cancellation)
        ?? throw new UsageException($"no container has the id or name '{given}'; `shimctl ps -a` lists them");

    public static async Task<Container?> TryContainerAsync(Session session, string given, CancellationToken cancellation)
    {
        var all = (await session.Runtime.ListContainersAsync(new ListContainersRequest(), session.Call(cancellation))).Containers;
        // A restarted container leaves its dead predecessors under the same name: the running one is meant.
        return One(all, c => c.Id, c => c.Metadata?.Name, c => c.State == ContainerState.ContainerRunning, given, "container");
    }

    public static async Task<PodSandbox> PodAsync(Session session, string given, CancellationToken cancellation) =>
        await TryPodAsync(session, given, cancellation)
        ?? throw new UsageException($"no pod has the id or name '{given}'; `shimctl pods` lists them");

    public static async Task<PodSandbox?> TryPodAsync(Session session, string given, CancellationToken cancellation)
    {
        var all = (await session.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest(), session.Call(cancellation))).Items;
        return One(all, p => p.Id, p => p.Metadata?.Name, p => p.State == PodSandboxState.SandboxReady, given, "pod");
    }

    internal static T? One<T>(IEnumerable<T> all, Func<T, string> id, Func<T, string?> name, Func<T, bool> alive, string given, string noun)
        where T : class
    {
        if (given.Length == 0) throw new UsageException($"the {noun}'s id or name is empty");
        var items = all.ToArray();
        if (items.FirstOrDefault(i => id(i) == given) is { } exact) return exact;
        var named = items.Where(i => name(i) == given).ToArray();
        if (named.Count(alive) == 1) return named.Single(alive);
        var candidates = named.Length > 0 ? named : items.Where(i => id(i).StartsWith(given, StringComparison.Ordinal)).ToArray();
        return candidates.Length <= 1
            ? candidates.SingleOrDefault()
            : throw new UsageException($"'{given}' means {candidates.Length} {noun}s ({string.Join(", ", candidates.Select(c => Output.Units.ShortId(id(c))))}); give more of the id");
    }
}
