using System.Text;
using System.Text.Json;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Node;

/// <summary>
/// Asks a runtime binary for its version and features, and again only when the file has changed: kubelet wants Status every few seconds.
/// </summary>
public sealed class RuncProbe(string path, ExitWatcher exits)
{
    private static readonly ToolRun Tool = new(64 * 1024, TimeSpan.FromSeconds(10), false);
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
            var (exit, text) = await RunAsync("--version", cancellation).ConfigureAwait(false);
            if (exit.Code != 0) return new Answer(null, $"'{path} --version' ended with {exit}", stamp);
            var version = RuncVersion.Parse(Encoding.UTF8.GetString(text));
            if (version is null) return new Answer(null, $"'{path} --version' does not answer like runc", stamp);
            var (ended, features) = await RunAsync("features", cancellation).ConfigureAwait(false);
            // An older runtime does not know the verb.
            return new Answer(version, null, stamp) { Features = ended.Code == 0 ? OciFeatures.Parse(features) : OciFeatures.None };
        }
        catch (Exception e) when (e is IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return new Answer(null, $"'{path} --version': {e.Message}", stamp);
        }
        catch (JsonException e)
        {
            return new Answer(null, $"'{path} features' does not answer with JSON: {e.Message}", stamp);
        }
    }

    private Task<(ExitCode Exit, byte[] Output)> RunAsync(string verb, CancellationToken cancellation) =>
        Tool.RunAsync(exits, new SpawnRequest { Path = path, Arguments = [path, verb] }, cancellation);

    /// <summary>Exactly one of version and failure is set.</summary>
    public sealed record Answer(RuncVersion? Version, string? Failure, DateTime Stamp)
    {
        public OciFeatures Features { get; init; } = OciFeatures.None;
    }
}
