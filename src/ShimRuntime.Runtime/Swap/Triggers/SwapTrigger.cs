using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Swap.Triggers;

/// <summary>
/// One container's trigger file: a content that differs from the one answered last is answered, once. What comes while a swap is under way waits for its
/// end, but for a rollback; of several that came meanwhile the last counts. A swap that fails is not tried again until the content changes.
/// </summary>
internal sealed class SwapTrigger(ContainerParts parts, SwapVerb verb, (ContainerEntry Entry, TriggerFile File) of)
{
    /// <summary>After a refusal that time mends: too many swaps, a daemon or a shim that is busy.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(5);
    private static readonly Task Never = new TaskCompletionSource().Task;
    private readonly ContainerEntry _entry = of.Entry;
    private readonly TriggerFile _file = of.File;
    private readonly SwapSettlement _records = new(parts);
    private readonly ILogger _log = parts.Logs.CreateLogger<SwapTrigger>();

    /// <summary>Until the container has ended, or the daemon does.</summary>
    public async Task FollowAsync(DirectoryWatcher watcher)
    {
        var news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        using var watch = watcher.Add(_file.Directory, () => news.Writer.TryWrite(true));
        for (var changed = news.Reader.WaitToReadAsync(parts.Stopping).AsTask(); !_entry.Ended.IsCompleted;)
        {
            var again = await LookAsync().ConfigureAwait(false);
            await Task.WhenAny(changed, again, _entry.Ended).ConfigureAwait(false);
            parts.Stopping.ThrowIfCancellationRequested();
            if (!changed.IsCompleted) continue;
            news.Reader.TryRead(out _);
            changed = news.Reader.WaitToReadAsync(parts.Stopping).AsTask();
        }
    }

    /// <summary>Answers what is new. The task's end is a reason to look again.</summary>
    private async Task<Task> LookAsync()
    {
        var seen = _entry.Record.Trigger!.Seen;
        var digest = seen;
        try
        {
            var content = _file.Read();
            digest = TriggerFile.Digest(content);
            if (digest == seen) return Never;
            var words = TriggerWords.Parse(content);
            if (words is { IsRollback: false } && _entry.Swapping is { Completion.IsCompleted: false } flying) return flying.Completion;
            var begun = words is null ? null : await AnswerAsync(words, digest).ConfigureAwait(false);
            await SeenAsync(digest, "").ConfigureAwait(false);
            if (begun is not null) _ = Task.Run(() => NoteAsync(begun, digest), CancellationToken.None);
            return Never;
        }
        catch (RuntimeFault e) when (e.Code is FaultCode.ResourceExhausted or FaultCode.Unavailable)
        {
            _log.LogInformation("container {Id}: its trigger file waits: {Cause}", _entry.Id, e.Message);
            return Task.Delay(AskAgain, parts.Stopping);
        }
        catch (RuntimeFault e)
        {
            // What can't be read is not seen: the content that was answered last may come back, and is not to be answered again.
            if (_entry.Record.Trigger != new TriggerRecord { Seen = digest, Cause = e.Message }) await SeenAsync(digest, e.Message).ConfigureAwait(false);
            return Never;
        }
    }

    /// <summary>The swap that was begun; null: it was one's end.</summary>
    private async Task<SwapFlight?> AnswerAsync(TriggerWords words, string digest)
    {
        Check();
        var caller = SwapCaller.Trigger(_file.Name);
        if (words.IsRollback)
        {
            await verb.EndAsync(_entry.Id, new SwapEnding(true, "", 0), caller, parts.Stopping).ConfigureAwait(false);
            return null;
        }

        var request = words.Request;
        request.ContainerId = _entry.Id;
        // The same for the daemon after this one, which joins what was begun and not noted; another when the same content comes again.
        if (request.RequestId.Length == 0) request.RequestId = RequestId(_entry.Record.Trigger!.Seen, digest);
        return await verb.BeginAsync(request, caller, parts.Stopping).ConfigureAwait(false);
    }

    /// <summary>Another container of the pod that can write there would decide what this one runs.</summary>
    private void Check()
    {
        var writer = parts.Store.OfSandbox(_entry.Record.SandboxId).FirstOrDefault(e => _file.IsWritableBy(e.Config));
        if (writer is null) return;
        throw RuntimeFault.FailedPrecondition(
            $"container '{writer.Config.Metadata.Name}' of the same pod may write to the trigger file '{_file.Name}'; mount it read-only there too");
    }

    /// <summary>How a swap has ended that led to nothing.</summary>
    private async Task NoteAsync(SwapFlight flight, string digest)
    {
        await flight.Completion.WaitAsync(parts.Stopping).ConfigureAwait(false);
        var cause = flight.Refusal?.Message ?? (flight.Last is { Outcome: not (Outcome.Swapped or Outcome.Unspecified) } last ? $"{last.Outcome}: {last.Cause}" : "");
        if (cause.Length > 0 && _entry.Record.Trigger?.Seen == digest) await SeenAsync(digest, cause).ConfigureAwait(false);
    }

    private async Task SeenAsync(string digest, string cause)
    {
        await _records.RecordAsync(_entry, r => r with { Trigger = new TriggerRecord { Seen = digest, Cause = cause } }, parts.Stopping).ConfigureAwait(false);
        if (cause.Length > 0) _log.LogWarning("container {Id}: its trigger file '{File}' led to nothing: {Cause}", _entry.Id, _file.Name, cause);
    }

    private static string RequestId(string before, string now) =>
        $"trigger-{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{before} {now}")).AsSpan(0, 8))}";
}
