using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Shims.Upgrades;

/// <summary>
/// Puts a new program into shims that run: one alone, so that a program that dies in its place costs one container; when that one serves, some at a time. The
/// first that is not exchanged ends it: what is under way is finished, and nothing more is begun. One whose container is removed meanwhile is no failure.
/// </summary>
internal sealed class ShimRollout(ContainerStore store, ILogger<ShimRollout> log) : IShimUpgradeService
{
    private const int AtOnce = 4;

    /// <summary>Above what the shim gives the new program to read a copy of its state.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DeathTime = TimeSpan.FromSeconds(2);

    public async Task RunAsync(
        SafeFileHandle program, IReadOnlyList<string> containerIds, Func<ShimUpgradeStep, Task> told, CancellationToken client)
    {
        var chosen = Choose(containerIds);
        var waiting = new Queue<ContainerEntry>(chosen);
        var steps = Channel.CreateUnbounded<ShimUpgradeStep>();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(client);
        var workers = WorkAsync(program, waiting, steps.Writer, ended);
        _ = workers.ContinueWith(t => steps.Writer.TryComplete(t.Exception), TaskScheduler.Default);
        var done = 0;
        try
        {
            await foreach (var step in steps.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
                await told(step with { Done = ++done, Total = chosen.Count }).ConfigureAwait(false);
        }
        finally
        {
            // Nobody listens any more: what is under way is finished all the same, before another rollout may begin.
            await ended.CancelAsync().ConfigureAwait(false);
            await workers.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        foreach (var entry in waiting)
            await told(new ShimUpgradeStep(entry.Id, ShimUpgradeOutcome.Untouched, "the rollout ended before its turn", done, chosen.Count)).ConfigureAwait(false);
    }

    /// <exception cref="RuntimeFault">NotFound, InvalidArgument (ambiguous), FailedPrecondition: a container that was named has no shim.</exception>
    private IReadOnlyList<ContainerEntry> Choose(IReadOnlyList<string> containerIds)
    {
        if (containerIds.Count == 0) return [.. store.Snapshot().Where(e => e.Shim is not null).OrderBy(e => e.Record.CreatedAtNanos)];
        List<ContainerEntry> chosen = [];
        foreach (var id in containerIds)
        {
            var entry = store.Get(id, "upgrade the shim of");
            if (entry.Shim is null) throw RuntimeFault.FailedPrecondition($"failed to upgrade the shim of container '{entry.Id}': it has none any more");
            if (!chosen.Contains(entry)) chosen.Add(entry);
        }

        return chosen;
    }

    private async Task WorkAsync(SafeFileHandle program, Queue<ContainerEntry> waiting, ChannelWriter<ShimUpgradeStep> steps, CancellationTokenSource ended)
    {
        while (await TurnAsync(program, waiting, steps, ended).ConfigureAwait(false) is { } outcome && outcome != ShimUpgradeOutcome.Upgraded)
        {
        }

        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async _ =>
        {
            while (await TurnAsync(program, waiting, steps, ended).ConfigureAwait(false) is not null)
            {
            }
        })).ConfigureAwait(false);
    }

    /// <summary>The next one's turn; null: there is none any more.</summary>
    private async Task<ShimUpgradeOutcome?> TurnAsync(
        SafeFileHandle program, Queue<ContainerEntry> waiting, ChannelWriter<ShimUpgradeStep> steps, CancellationTokenSource ended)
    {
        ContainerEntry? entry;
        lock (waiting)
        {
            if (ended.IsCancellationRequested || !waiting.TryDequeue(out entry)) return null;
        }

        var step = await UpgradeAsync(entry, program).ConfigureAwait(false);
        if (step.Outcome is not (ShimUpgradeOutcome.Upgraded or ShimUpgradeOutcome.Gone)) await ended.CancelAsync().ConfigureAwait(false);
        steps.TryWrite(step);
        return step.Outcome;
    }

    private async Task<ShimUpgradeStep> UpgradeAsync(ContainerEntry entry, SafeFileHandle program)
    {
        var begun = Stopwatch.GetTimestamp();
        if (entry.Shim is not { } shim) return Step(entry, ShimUpgradeOutcome.Gone, "");
        try
        {
            var answer = await BusyProgram.RetryAsync(() => shim.UpgradeAsync(program, Patience), e => e is ShimFault { Code: FaultCode.Aborted }, CancellationToken.None)
                .ConfigureAwait(false);
            var took = Stopwatch.GetElapsedTime(begun);
            log.LogInformation("container {Id}: shim {Old} is replaced by {New} after {Ms:0} ms", entry.Id, answer.PreviousVersion, answer.Version, took.TotalMilliseconds);
            return Step(entry, ShimUpgradeOutcome.Upgraded, "") with { PreviousVersion = answer.PreviousVersion, Version = answer.Version, Took = took };
        }
        catch (ShimFault e)
        {
            var outcome = await OutcomeAsync(entry, shim, e).ConfigureAwait(false);
            if (outcome != ShimUpgradeOutcome.Gone) log.LogError("container {Id}: its shim was not upgraded ({Outcome}): {Cause}", entry.Id, outcome, e.Message);
            return Step(entry, outcome, Cause(outcome, e)) with { Took = Stopwatch.GetElapsedTime(begun) };
        }
    }

    private async Task<ShimUpgradeOutcome> OutcomeAsync(ContainerEntry entry, RunningShim shim, ShimFault fault)
    {
        if (fault.Code == FaultCode.DeadlineExceeded) return ShimUpgradeOutcome.Silent;
        if (fault.Code != FaultCode.Unavailable && !IsLeaving(entry)) return ShimUpgradeOutcome.Refused;
        // The socket's end comes a moment before the process's.
        await Task.WhenAny(shim.Gone, Task.Delay(DeathTime)).ConfigureAwait(false);
        if (IsLeaving(entry)) return ShimUpgradeOutcome.Gone;
        return shim.Gone.IsCompleted ? ShimUpgradeOutcome.Lost : ShimUpgradeOutcome.Refused;
    }

    private bool IsLeaving(ContainerEntry entry) => !store.Contains(entry.Id) || entry.Record.Phase == ContainerPhase.Removing;

    private static string Cause(ShimUpgradeOutcome outcome, ShimFault fault) => (outcome, fault.Code) switch
    {
        (ShimUpgradeOutcome.Gone, _) => "",
        (ShimUpgradeOutcome.Lost, _) => "the new program died in the shim's place, after it had read a copy of the state; the container ends with reason ShimLost",
        (_, FaultCode.Unimplemented) => $"{fault.Message}: it is of a release that can't be upgraded in place; its container's next start has a new one",
        _ => fault.Message,
    };

    private static ShimUpgradeStep Step(ContainerEntry entry, ShimUpgradeOutcome outcome, string cause) => new(entry.Id, outcome, cause, 0, 0);
}
