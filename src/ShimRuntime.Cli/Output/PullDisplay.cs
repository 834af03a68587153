using ShimRuntime.Cri.Operator.V1;

namespace ShimRuntime.Cli.Output;

/// <summary>A pull's layers on stderr: redrawn in place on a terminal, one line a finished layer elsewhere.</summary>
internal sealed class PullDisplay(bool quiet) : IDisposable
{
    private const int BarWidth = 24;
    private readonly bool _live = !quiet && !Console.IsErrorRedirected;
    private readonly HashSet<string> _finished = [];
    private int _drawn;

    public void Show(PullProgress progress)
    {
        if (quiet) return;
        if (_live) Redraw(progress);
        else Report(progress);
    }

    public void Dispose()
    {
        if (_live && _drawn > 0) Console.Error.WriteLine();
    }

    private void Report(PullProgress progress)
    {
        foreach (var layer in progress.Layers)
        {
            if (layer.Phase is "done" or "exists" && _finished.Add(layer.Digest)) Console.Error.WriteLine($"{Units.ShortId(layer.Digest)}  {layer.Phase}  {Size(layer)}");
        }
    }

    private void Redraw(PullProgress progress)
    {
        if (progress.Layers.Count == 0) return;
        if (_drawn > 1) Console.Error.Write($"\x1b[{_drawn - 1}A");
        var lines = progress.Layers.Select(Line).ToArray();
        Console.Error.Write("\r" + string.Join("\n", lines.Select(l => l + "\x1b[K")));
        _drawn = lines.Length;
    }

    private static string Line(LayerProgress layer)
    {
        var share = layer.Phase is "done" or "exists" ? 1 : layer.TotalBytes > 0 ? Math.Clamp((double)layer.FetchedBytes / layer.TotalBytes, 0, 1) : 0;
        var filled = (int)(share * BarWidth);
        return $"{Units.ShortId(layer.Digest)}  [{new string('=', filled)}{new string(' ', BarWidth - filled)}]  {layer.Phase,-8}  {Size(layer)}";
    }

    private static string Size(LayerProgress layer) => layer.TotalBytes > 0 ? Units.Bytes((ulong)layer.TotalBytes) : "";
}
