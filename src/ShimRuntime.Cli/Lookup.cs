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
        return One(all, new Traits<Container>("container", c => c.Id, c => c.Metadata?.Name, c => c.State == ContainerState.ContainerRunning), given);
    }

    public static async Task<PodSandbox> PodAsync(Session session, string given, CancellationToken cancellation) =>
        await TryPodAsync(session, given, cancellation)
        ?? throw new UsageException($"no pod has the id or name '{given}'; `shimctl pods` lists them");

    public static async Task<PodSandbox?> TryPodAsync(Session session, string given, CancellationToken cancellation)
    {
        var all = (await session.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest(), session.Call(cancellation))).Items;
        return One(all, new Traits<PodSandbox>("pod", p => p.Id, p => p.Metadata?.Name, p => p.State == PodSandboxState.SandboxReady), given);
    }

    internal static T? One<T>(IEnumerable<T> all, Traits<T> of, string given)
        where T : class
    {
        if (given.Length == 0) throw new UsageException($"the {of.Noun}'s id or name is empty");
        var items = all.ToArray();
        if (items.FirstOrDefault(i => of.Id(i) == given) is { } exact) return exact;
        var named = items.Where(i => of.Name(i) == given).ToArray();
        if (named.Count(of.IsAlive) == 1) return named.Single(of.IsAlive);
        var candidates = named.Length > 0 ? named : items.Where(i => of.Id(i).StartsWith(given, StringComparison.Ordinal)).ToArray();
        if (candidates.Length <= 1) return candidates.SingleOrDefault();
        var ids = string.Join(", ", candidates.Select(c => Output.Units.ShortId(of.Id(c))));
        throw new UsageException($"'{given}' means {candidates.Length} {of.Noun}s ({ids}); give more of the id");
    }

    /// <summary>How one kind of thing is told apart.</summary>
    internal sealed record Traits<T>(string Noun, Func<T, string> Id, Func<T, string?> Name, Func<T, bool> IsAlive);
}
