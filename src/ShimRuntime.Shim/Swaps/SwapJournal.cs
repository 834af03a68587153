using ShimRuntime.Linux;
using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Serving;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Shim.Swaps;

/// <summary>
/// swap.json: the last swap and the generations, written whole before each phase acts. Made with the first swap. What can't be written is
/// tried again until it is: with /run full a swap that has begun goes on.
/// </summary>
internal sealed partial class SwapJournal
{
    private const int MostGenerations = 32;
    private static readonly TimeSpan WriteAgain = TimeSpan.FromSeconds(1);
    private readonly string _path;
    private readonly string _containerId;
    private readonly LoopTimer _writeAgain;
    private readonly List<GenerationEntry> _history = [];
    private SwapEntry? _swap;
    private uint _current;
    private LeafCounters _endedLeaves;

    public SwapJournal(EpollLoop loop, string path, string containerId)
    {
        (_path, _containerId) = (path, containerId);
        _writeAgain = loop.CreateTimer(() => TryWrite());
    }

    /// <summary>A generation runs, or is known from now on.</summary>
    public void Add(Generation generation, string imageId, string cause)
    {
        if (_history.Exists(g => g.Number == generation.Number)) return;
        if (_history.Count == MostGenerations) _history.RemoveAt(0);
        _history.Add(new GenerationEntry
        {
            Number = generation.Number, ImageId = imageId, Cause = cause, StartedAtNanos = generation.StartedAtNanos,
        });
    }

    /// <summary>With its start, or its end.</summary>
    public void Update(Generation generation)
    {
        var at = _history.FindIndex(g => g.Number == generation.Number);
        if (at < 0) return;
        var exit = generation.HasEnded ? generation.Exit : null;
        if (exit is not null && _history[at].FinishedAtNanos == 0) _endedLeaves = _endedLeaves.Plus(generation.Counters);
        _history[at] = _history[at] with
        {
            StartedAtNanos = generation.HasStarted ? generation.StartedAtNanos : 0,
            FinishedAtNanos = exit?.FinishedAtNanos ?? 0,
            Code = exit?.Code ?? 0,
            Reason = exit?.Reason ?? "",
        };
        TryWrite();
    }

    /// <summary>False: it could not be written (no space in /run); said in the log.</summary>
    public bool TryWrite(SwapEntry swap, uint current)
    {
        (_swap, _current) = (swap, current);
        return TryWrite();
    }

    private bool TryWrite()
    {
        if (_swap is null) return true;
        try
        {
            DurableFile.WriteVolatile(_path, new SwapRecord
            {
                ContainerId = _containerId, Current = _current, Swap = _swap, History = _history, EndedLeaves = _endedLeaves,
            }.ToJson());
            _writeAgain.Clear();
            return true;
        }
        catch (IOException e)
        {
            ErrorLog.Write($"failed to write '{_path}': {e.Message}");
            _writeAgain.Set(WriteAgain);
            return false;
        }
    }
}
