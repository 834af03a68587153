using ShimRuntime.PowerLoss.Tests.Disk;
using ShimRuntime.PowerLoss.Tests.Trace;

namespace ShimRuntime.PowerLoss.Tests.Replay;

/// <summary>Every disk that a power loss may have left during a recording, each once, and what a whole one would hold.</summary>
public sealed class CrashCases
{
    private readonly Dictionary<UInt128, CrashCase> _cases = [];

    private CrashCases()
    {
    }

    /// <summary>In the order in which they could first arise.</summary>
    public IReadOnlyList<CrashCase> All => [.. _cases.Values.OrderBy(c => c.Number)];

    /// <summary>Calls that changed the disk.</summary>
    public int Calls { get; private set; }

    /// <summary>Before equal ones were taken for one.</summary>
    public int Images { get; private set; }

    public LayerTrees Layers { get; } = new();

    /// <summary>The disk at the end, as processes saw it.</summary>
    public DiskModel Disk { get; } = new();

    /// <param name="root">The recorded daemon's.</param>
    public static CrashCases Of(Recording recording, string root)
    {
        var cases = new CrashCases();
        recording.Walk(root, cases.Disk, cases.Add);
        return cases;
    }

    private void Add(CrashPoint point)
    {
        Calls = point.Number;
        foreach (var (loss, image) in CrashImages.Of(Disk))
        {
            Images++;
            if (!_cases.TryGetValue(image.Key, out var known)) _cases[image.Key] = known = new CrashCase(_cases.Count + 1, image);
            known.Add(point, loss);
        }

        Layers.Learn(Disk);
    }
}
