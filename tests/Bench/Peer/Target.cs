using System.Globalization;

namespace ShimRuntime.Bench.Peer;

/// <summary>What a row has to reach.</summary>
/// <param name="Words">As the table prints it.</param>
internal sealed record Target(string Words, Func<ComparedRow, bool> Holds)
{
    public static Target PeerAtMost(double ratio) => new($"≤ {Number(ratio)} × peer", r => r.RatioToPeer <= ratio);

    public static Target PeerAtLeast(double ratio) => new($"≥ {Number(ratio)} × peer", r => r.RatioToPeer >= ratio);

    public static Target AtMost(double value) => new($"≤ {Number(value)}", r => r.Ours.Median <= value);

    public static Target FloorPlus(double value) => new($"≤ floor + {Number(value)}", r => r.Ours.Median <= r.Floor!.Median + value);

    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
