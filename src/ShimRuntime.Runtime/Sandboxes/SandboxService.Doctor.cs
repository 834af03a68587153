namespace ShimRuntime.Runtime.Sandboxes;

/// <content>What a search for what nobody owns needs to know and to end; see the room Doctor.</content>
public sealed partial class SandboxService
{
    internal SandboxFiles Files => _files;

    internal SandboxReclaimer Reclaimer => _reclaimer;

    /// <summary>In the store, or taken down in the background: from before anything of it exists until after nothing does.</summary>
    internal IReadOnlySet<string> OwnedIds() => _reclaimer.Pending.Concat(_store.List().Select(s => s.Id)).ToHashSet(StringComparer.Ordinal);

    /// <summary>The same way down as for any other, for an id that nobody owns. Repeatable.</summary>
    /// <param name="cgroup">Its pod cgroup, where more is known than its own record says.</param>
    internal Task DestroyOrphanAsync(string id, (string Path, bool IsOurs)? cgroup, CancellationToken cancellation)
    {
        var orphan = Orphan(id);
        if (cgroup is { } known) orphan = orphan with { CgroupPath = known.Path, OwnsCgroup = known.IsOurs };
        return _teardown.DestroyAsync(orphan, IsCgroupShared(orphan), cancellation);
    }
}
