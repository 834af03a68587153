using System.Collections.Concurrent;
using ShimRuntime.Integration.Tests.Harness;
using ShimRuntime.PowerLoss.Tests.Disk;
using ShimRuntime.PowerLoss.Tests.Story;

namespace ShimRuntime.PowerLoss.Tests.Replay;

/// <summary>What judges a disk: what was recorded, what clients were told when, and what whole layers look like.</summary>
internal sealed class Verdicts(World recorded, Diary diary, LayerTrees layers)
{
    private readonly ConcurrentDictionary<UInt128, bool> _imageRooms = new();

    public World Recorded { get; } = recorded;

    public required StoryImages Images { get; init; }

    /// <summary>Codes with which containers of the story end, however they are ended.</summary>
    public IReadOnlySet<int> ExitCodes { get; } = new HashSet<int> { 0, 3, 4, 5, 7, 137, 143 };

    public IReadOnlyList<string> Of(CrashCase crash, Findings findings)
    {
        var promises = crash.Moments.Select(m => diary.At(m.Point.Until)).DistinctBy(l => l.Key).SelectMany(findings.Against);
        var images = findings.Images.SelectMany(id => layers.Verify(crash.Image, id));
        return [.. findings.Amiss(ExitCodes).Concat(images).Concat(promises).Distinct()];
    }

    /// <summary>True once for each state of documents, records and layers: for new ones containers are run, and all is pulled again.</summary>
    public bool IsNewImageRoom(CrashCase crash)
    {
        var room = crash.Image.Entries.Where(e => e.Path.Split('/') is ["content", "blobs", ..] or ["images", ..] or ["snapshots", [>= '0' and <= '9', ..], ..]);
        return _imageRooms.TryAdd(DiskImage.Hash(room), true);
    }

    /// <summary>Of a pull that was cut: what they name stays for an hour, or until the same is pulled.</summary>
    public static bool HasLeases(CrashCase crash) => crash.Image.Entries.Any(e => e.Path.StartsWith("leases/", StringComparison.Ordinal));
}
