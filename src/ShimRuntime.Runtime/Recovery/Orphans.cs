using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Recovery;

/// <summary>
/// Row 10 of the recovery table: run directories and writable layers of our own state that no record names. Listed before CRI is
/// answered, so that nothing new is taken for one.
/// </summary>
internal sealed class Orphans
{
    private const int Id16Digits = 16;
    private readonly ContainerParts _parts;
    private readonly ILogger _log;
    private readonly ConcurrentBag<string> _runDirectories;
    private readonly ConcurrentBag<string> _snapshots;

    /// <param name="recorded">Ids that have a record now: theirs is nobody else's to remove, however soon they go.</param>
    public Orphans(ContainerParts parts, IReadOnlyList<string> recorded)
    {
        _parts = parts;
        _log = parts.Logs.CreateLogger<Orphans>();
        var ids = recorded.ToHashSet(StringComparer.Ordinal);
        var id16s = recorded.Select(ContainerPaths.Id16).ToHashSet(StringComparer.Ordinal);
        var runs = Directory.EnumerateDirectories(parts.Files.Paths.AllVolatile);
        _runDirectories = [.. runs.Where(d => IsOurs(d) && !id16s.Contains(Path.GetFileName(d)))];
        _snapshots = [.. parts.Snapshots.Keys().Where(k => SnapshotKeys.OwnerOf(k) is { } owner && !ids.Contains(owner))];
    }

    /// <summary>What belonged to a record that can't be used, or is gone, is an orphan, too.</summary>
    public void Add(string id)
    {
        _runDirectories.Add(_parts.Files.Paths.Run(id));
        foreach (var key in _parts.Snapshots.Keys().Where(k => SnapshotKeys.OwnerOf(k) == id)) _snapshots.Add(key);
    }

    /// <summary>Each by itself; throws when one is left. Repeatable.</summary>
    public async Task RemoveAsync(CancellationToken cancellation)
    {
        var runs = _runDirectories.Where(Directory.Exists).Select(d => TryAsync(d, () => RemoveRunAsync(d, cancellation)));
        var left = (await Task.WhenAll(runs).ConfigureAwait(false)).Count(removed => !removed);
        foreach (var key in _snapshots)
        {
            if (!await TryAsync(key, () => _parts.Snapshots.RemoveAsync(key, cancellation)).ConfigureAwait(false)) left++;
        }

        if (left > 0) throw RuntimeFault.Internal($"failed to remove orphans: {left} are left");
    }

    private static bool IsOurs(string directory) =>
        Path.GetFileName(directory) is { Length: Id16Digits } name && name.All(char.IsAsciiHexDigitLower);

    private async Task RemoveRunAsync(string directory, CancellationToken cancellation)
    {
        await OrphanedRun.RemoveAsync(_parts, directory, cancellation).ConfigureAwait(false);
        _log.LogWarning("removed {Directory}, which no container's record names", directory);
    }

    private async Task<bool> TryAsync(string what, Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _log.LogError(e, "failed to remove orphan {What}", what);
            return false;
        }
    }
}
