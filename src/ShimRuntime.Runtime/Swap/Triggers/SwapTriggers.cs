using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Swap.Triggers;

/// <summary>Watches the trigger files of containers that run, each until its container has ended.</summary>
internal sealed class SwapTriggers(ContainerParts parts, SwapVerb verb, DirectoryWatcher watcher) : IContainerObserver
{
    private readonly ConcurrentDictionary<string, bool> _followed = new(StringComparer.Ordinal);
    private readonly ILogger _log = parts.Logs.CreateLogger<SwapTriggers>();

    /// <summary>What a container's annotations say, with a trigger that leads nowhere named as such, and what its file has in it now.</summary>
    public static (SwapOptIn? OptIn, TriggerRecord? Trigger) AtCreate(SwapOptIn? optIn, Cri.V1.ContainerConfig config)
    {
        if (optIn is null || !optIn.Settings.TryGetValue(SwapAnnotations.Trigger, out var path)) return (optIn, null);
        try
        {
            return (optIn, new TriggerRecord { Seen = TriggerFile.Digest(TriggerFile.Find(path, config).Read()) });
        }
        catch (RuntimeFault e)
        {
            return (optIn with
            {
                Settings = optIn.Settings.Remove(SwapAnnotations.Trigger),
                Ignored = optIn.Ignored.SetItem(SwapAnnotations.Trigger, e.Message),
            }, null);
        }
    }

    public void Changed(ContainerEntry entry, ContainerChange change)
    {
        if (change == ContainerChange.Started) Begin(entry);
    }

    /// <summary>Those that an earlier daemon has started; what their files say that it had not seen is done now.</summary>
    public void Recover()
    {
        foreach (var entry in parts.Store.Snapshot())
        {
            if (ContainerLifecycle.IsRunning(entry.Record.Phase)) Begin(entry);
        }
    }

    private void Begin(ContainerEntry entry)
    {
        if (entry.Record.Trigger is null || entry.Record.SwapOptIn?.Settings.GetValueOrDefault(SwapAnnotations.Trigger) is not { } path) return;
        // One whose start was under way when this daemon began may be told of twice.
        if (!_followed.TryAdd(entry.Id, true)) return;
        _ = Task.Run(() => FollowAsync(entry, path), CancellationToken.None);
    }

    private async Task FollowAsync(ContainerEntry entry, string path)
    {
        try
        {
            var file = TriggerFile.Find(path, entry.Config);
            await new SwapTrigger(parts, verb, (entry, file)).FollowAsync(watcher).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (parts.Stopping.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            _log.LogError(e, "container {Id}: its trigger file '{Path}' is watched no longer", entry.Id, path);
        }
        finally
        {
            _followed.TryRemove(entry.Id, out _);
        }
    }
}
