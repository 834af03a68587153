using System.Threading.Channels;

namespace ShimRuntime.Cli.Swapping;

/// <summary>Changes of a file, or of anything below a directory, a burst of them as one: a build or a file sync writes many files.</summary>
internal sealed class ChangeWatch : IDisposable
{
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly FileSystemWatcher _watcher;
    private readonly TimeSpan _quiet;

    /// <param name="quiet">How long nothing may have changed before a burst is over.</param>
    /// <exception cref="UsageException">There is no such path.</exception>
    public ChangeWatch(string path, TimeSpan quiet)
    {
        var full = Path.GetFullPath(path);
        if (!Path.Exists(full)) throw new UsageException($"--watch '{path}': there is no such file or directory");
        _quiet = quiet;
        _watcher = Directory.Exists(full)
            ? new FileSystemWatcher(full) { IncludeSubdirectories = true }
            : new FileSystemWatcher(Path.GetDirectoryName(full)!, Path.GetFileName(full));
        _watcher.NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite | NotifyFilters.Size | NotifyFilters.CreationTime;
        FileSystemEventHandler changed = (_, _) => _news.Writer.TryWrite(true);
        _watcher.Changed += changed;
        _watcher.Created += changed;
        _watcher.Deleted += changed;
        _watcher.Renamed += (_, _) => _news.Writer.TryWrite(true);
        _watcher.Error += (_, _) => _news.Writer.TryWrite(true); // events were lost: something did change
        _watcher.EnableRaisingEvents = true;
    }

    /// <summary>Returns when something has changed since the call before, and nothing any more for a while.</summary>
    public async Task ChangedAsync(CancellationToken cancellation)
    {
        await _news.Reader.ReadAsync(cancellation);
        while (true)
        {
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            pause.CancelAfter(_quiet);
            try
            {
                await _news.Reader.ReadAsync(pause.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                return;
            }
        }
    }

    public void Dispose() => _watcher.Dispose();
}
