using System.Globalization;
using ShimRuntime.PowerLoss.Tests.Disk;
using ShimRuntime.PowerLoss.Tests.Trace;

namespace ShimRuntime.PowerLoss.Tests.Replay;

/// <summary>One disk that a power loss may leave, and all moments at which it may.</summary>
public sealed class CrashCase(int number, DiskImage image)
{
    private readonly List<(CrashPoint Point, string Loss)> _moments = [];

    public int Number { get; } = number;

    public DiskImage Image { get; } = image;

    public IReadOnlyList<(CrashPoint Point, string Loss)> Moments => _moments;

    public void Add(CrashPoint point, string loss) => _moments.Add((point, loss));

    public override string ToString()
    {
        var (point, loss) = _moments[0];
        return string.Create(CultureInfo.InvariantCulture, $"disk {Number}: after call {point.Number}, {point.Call}; lost: {loss} (and at {_moments.Count - 1} other moments)");
    }
}
