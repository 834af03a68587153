using System.Text;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;

namespace ShimRuntime.Runtime.Node;

/// <summary>Asks runc for its version, and again only when the file has changed: kubelet wants Status every few seconds.</summary>
public sealed class RuncProbe(string path, ExitWatcher exits)
{
    private const int MaxOutputBytes = 4096;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private volatile Answer? _last;

    /// <summary>Never throws: what is wrong is in <see cref="Answer.Failure"/>.</summary>
    public async Task<Answer> AskAsync(CancellationToken cancellation)
    {
        var stamp = File.GetLastWriteTimeUtc(path);
        if (_last is { Failure: null } last && last.Stamp == stamp) return last;
        return _last = await AskRuncAsync(stamp, cancellation).ConfigureAwait(false);
    }

    private async Task<Answer> AskRuncAsync(DateTime stamp, CancellationToken cancellation)
    {
        if (!File.Exists(path)) return new Answer(null, $"runc is not at '{path}'; install it or set runc_path", stamp);
        try
        {
            // A memfd needs no reader while the child runs, so a deadline on its end is a deadline on all of it.
            using var output = SealedMemory.CreateOpen("runc-version");
            using var process = Spawner.Spawn(new SpawnRequest
            {
                Path = path,
                Arguments = ["runc", "--version"],
                Fds = [new FdMapping((int)output.DangerousGetHandle(), 1)],
            });
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            deadline.CancelAfter(Patience);
            var exit = await exits.ReapOrKillAsync(process, deadline.Token).ConfigureAwait(false);
            var bytes = new byte[MaxOutputBytes];
            var text = Encoding.UTF8.GetString(bytes, 0, RandomAccess.Read(output, bytes, 0));
            if (exit.Code != 0) return new Answer(null, $"'{path} --version' ended with {exit}", stamp);
            var version = RuncVersion.Parse(text);
            return new Answer(version, version is null ? $"'{path} --version' does not answer like runc" : null, stamp);
        }
        catch (Exception e) when (e is IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return new Answer(null, $"'{path} --version': {e.Message}", stamp);
        }
    }

    /// <summary>Exactly one of version and failure is set.</summary>
    public sealed record Answer(RuncVersion? Version, string? Failure, DateTime Stamp);
}
