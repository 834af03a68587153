using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>
/// Looks for what records of ours name and nobody owns, and removes it when asked. An orphan has to be seen twice, with a pause between, its
/// owners read after it each time; before it is removed they are read once more. One search of a kind at a time: later callers join.
/// </summary>
internal sealed class DoctorService : IDoctorService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan ForRecovery = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ToBeGone = TimeSpan.FromSeconds(3);
    private const int AtOnce = 8;
    private readonly IReadOnlyList<ICheck> _checks;
    private readonly ClaimReader _claims;
    private readonly Func<Owners> _owners;
    private readonly Func<Task> _recovered;
    private readonly ILogger _log;
    private readonly SingleFlight<bool, IReadOnlyList<Finding>> _searches;

    /// <param name="recovered">Over once the start has cleared up what it found: that is not reported as anybody's neglect.</param>
    public DoctorService(IReadOnlyList<ICheck> checks, ClaimReader claims, Func<Owners> owners, Func<Task> recovered, (ILogger Log, CancellationToken Stopping) daemon)
    {
        (_checks, _claims, _owners, _recovered, _log) = (checks, claims, owners, recovered, daemon.Log);
        _searches = new SingleFlight<bool, IReadOnlyList<Finding>>(daemon.Stopping);
    }

    public Task<IReadOnlyList<Finding>> ExamineAsync(bool fix, CancellationToken client) => _searches.RunAsync(fix, token => ExamineAsync(fix ? AtOnce : 0, token), client);

    private async Task<IReadOnlyList<Finding>> ExamineAsync(int repairsAtOnce, CancellationToken cancellation)
    {
        await RecoveredAsync(cancellation).ConfigureAwait(false);
        var first = Look();
        if (first.Count == 0) return [];
        await Task.Delay(Pause, cancellation).ConfigureAwait(false);
        var again = Look().Select(o => o.Key).ToHashSet();
        var orphans = first.Where(o => again.Contains(o.Key)).ToList();
        if (repairsAtOnce == 0 || orphans.Count == 0) return [.. orphans.Select(o => o.Finding)];
        var errors = await RepairAsync(orphans, cancellation).ConfigureAwait(false);
        var left = await LeftAsync(orphans, cancellation).ConfigureAwait(false);
        return [.. orphans.Select(o => Settled(o, left.Contains(o.Key), errors))];
    }

    private async Task RecoveredAsync(CancellationToken cancellation)
    {
        try
        {
            await _recovered().WaitAsync(ForRecovery, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new RuntimeFault(FaultCode.Unavailable, "failed to look for orphans: the daemon still removes what its start found; the log says what; try again later");
        }
    }

    private List<Orphan> Look()
    {
        var (containers, sandboxes) = (_claims.Containers(), _claims.Sandboxes());
        var survey = new Survey(containers, sandboxes, _owners(), MountTable.Read());
        var seen = _checks.SelectMany(c => c.Look(survey)).DistinctBy(o => o.Key).ToList();
        var owners = _owners();
        return [.. seen.Where(o => o.Claim is null || !owners.Has(o.Claim))];
    }

    private async Task<IReadOnlyDictionary<string, string>> RepairAsync(List<Orphan> orphans, CancellationToken cancellation)
    {
        var errors = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        var owners = _owners();
        var repairs = orphans.Where(o => o.Repair is not null && (o.Claim is null || !owners.Has(o.Claim))).Select(o => o.Repair!).DistinctBy(r => r.Key).ToList();
        await RunAsync(repairs, errors, cancellation).ConfigureAwait(false);
        // What was in another's way is not any more: a busy mount, a directory under it.
        var failed = repairs.Where(r => errors.TryRemove(r.Key, out _)).ToList();
        await RunAsync(failed, errors, cancellation).ConfigureAwait(false);
        return errors;
    }

    private async Task RunAsync(IReadOnlyList<Repair> repairs, ConcurrentDictionary<string, string> errors, CancellationToken cancellation)
    {
        foreach (var rank in repairs.GroupBy(r => r.Rank).OrderBy(r => r.Key))
        {
            var limits = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation };
            await Parallel.ForEachAsync(rank, limits, async (repair, token) =>
            {
                if (await TryAsync(repair, token).ConfigureAwait(false) is { } cause) errors[repair.Key] = cause;
            }).ConfigureAwait(false);
        }
    }

    /// <summary>Null: done. Whatever fails, the others are repaired.</summary>
    private async Task<string?> TryAsync(Repair repair, CancellationToken cancellation)
    {
        try
        {
            await repair.RunAsync(cancellation).ConfigureAwait(false);
            _log.LogWarning("orphan removed as asked: {What}", repair.Key);
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            _log.LogError(e, "failed to remove orphan: {What}", repair.Key);
            return e.Message;
        }
    }

    /// <summary>Killed processes, their mounts and cgroups take the kernel a moment.</summary>
    private async Task<HashSet<(string Kind, string Subject)>> LeftAsync(List<Orphan> orphans, CancellationToken cancellation)
    {
        for (var waited = TimeSpan.Zero; ; waited += Pause)
        {
            var left = Look().Select(o => o.Key).ToHashSet();
            if (waited >= ToBeGone || !orphans.Exists(o => o.Repair is not null && left.Contains(o.Key))) return left;
            await Task.Delay(Pause, cancellation).ConfigureAwait(false);
        }
    }

    private static Finding Settled(Orphan orphan, bool isLeft, IReadOnlyDictionary<string, string> errors) => orphan.Finding with
    {
        Outcome = isLeft ? FindingOutcome.Left : FindingOutcome.Fixed,
        Error = !isLeft ? "" : orphan.Repair is null ? "not for this daemon to remove" : errors.GetValueOrDefault(orphan.Repair.Key, "it was there again after the repair"),
    };
}
