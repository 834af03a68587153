using System.Collections.Immutable;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>Phases of a layer as the operator API names them.</summary>
internal static class LayerPhase
{
    public const string Waiting = "waiting";
    public const string Fetching = "fetching";
    public const string Applying = "applying";
    public const string Done = "done";
    public const string Exists = "exists";
}

/// <summary>
/// Progress of one pull, for everybody who joined it: layers report from their own flows, listeners hear at most ten times a second and at
/// every change of phase. A listener that throws is its own loss.
/// </summary>
internal sealed class PullProgressFeed
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private ImmutableArray<LayerProgress> _layers = [];
    private ImmutableList<IProgress<PullProgress>> _listeners = [];
    private long _lastTold;

    public void Subscribe(IProgress<PullProgress>? listener)
    {
        if (listener is not null) ImmutableInterlocked.Update(ref _listeners, (all, one) => all.Add(one), listener);
    }

    public void Unsubscribe(IProgress<PullProgress>? listener)
    {
        if (listener is not null) ImmutableInterlocked.Update(ref _listeners, (all, one) => all.Remove(one), listener);
    }

    public void Begin(IEnumerable<Descriptor> layers)
    {
        ImmutableInterlocked.InterlockedExchange(
            ref _layers, [.. layers.Select(l => new LayerProgress(l.Digest.ToString(), LayerPhase.Waiting, 0, l.Size))]);
        Tell();
    }

    public void Phase(int layer, string phase)
    {
        Set(layer, l =>
            l with { Phase = phase, FetchedBytes = phase is LayerPhase.Exists or LayerPhase.Done ? l.TotalBytes : l.FetchedBytes });
        Tell();
    }

    public void Fetched(int layer, long bytes)
    {
        Set(layer, l => l with { FetchedBytes = bytes });
        var last = Interlocked.Read(ref _lastTold);
        if (TimeProvider.System.GetElapsedTime(last) >= Interval
            && Interlocked.CompareExchange(ref _lastTold, TimeProvider.System.GetTimestamp(), last) == last)
            Tell();
    }

    private void Set(int layer, Func<LayerProgress, LayerProgress> change) =>
        ImmutableInterlocked.Update(ref _layers, layers => layer < layers.Length ? layers.SetItem(layer, change(layers[layer])) : layers);

    private void Tell()
    {
        var progress = new PullProgress(_layers);
        foreach (var listener in _listeners)
        {
            try
            {
                listener.Report(progress);
            }
            catch (Exception)
            {
                Unsubscribe(listener); // a client that went away must not end the pull of those who wait for it
            }
        }
    }
}
