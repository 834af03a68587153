using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Upgrades;

/// <summary>Whether a state fits together, as far as it alone can tell: the parts that are always there, the places that it names.</summary>
internal static class StateCheck
{
    /// <exception cref="RuntimeFault">FailedPrecondition: a part is missing or out of place.</exception>
    public static void Run(SavedShim saved)
    {
        Need(saved.Launch is not null, "launch");
        Need(saved.Container is { InForce: not null, Log: not null, Held: not null }, "container");
        Need(saved.Listener is { Fd: > 2 }, "listener");
        Need(saved.Upgrade is not null, "upgrade");
        Need(saved.Descriptors.All(fd => fd > 2) && saved.Descriptors.Distinct().Count() == saved.Descriptors.Count, "descriptors");
        var container = saved.Container!;
        Need(container.Current < container.Generations.Count, "current generation");
        Need(container.Generations.All(g => g is { Execs: not null, OomBaseline: not null, Leaf.Length: > 0 }), "generation");
        Need(container.Generations.All(g => g.Execs.Running.All(e => e is { Stdout: not null, Stderr: not null })), "exec");
        if (container.Swap is { } swap) CheckSwap(swap, container);
    }

    private static void CheckSwap(SavedSwap swap, SavedContainer container)
    {
        Need(swap.Request is not null && container.Journal is not null, "swap");
        Need(new[] { swap.Old, swap.New, swap.Fallback }.All(i => i < container.Generations.Count), "swap's generation");
        Need(swap.Ready is null || swap is { HasNew: true, Request.Ready: not null }, "swap's readiness");
    }

    private static void Need(bool holds, string part)
    {
        if (!holds) throw RuntimeFault.FailedPrecondition($"the state has no {part} that makes sense");
    }
}
