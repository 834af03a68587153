using System.Globalization;

namespace ShimRuntime.Images;

/// <summary>Where the data of a sparse member stands in the file (GNU tar manual, "Storing Sparse Files").</summary>
/// <param name="RealSizeBytes">Apparent size of the file.</param>
/// <param name="Regions">Ascending, not overlapping, inside the file.</param>
internal sealed record SparseMap(long RealSizeBytes, IReadOnlyList<(long Offset, long Length)> Regions)
{
    private const int GnuPairBytes = 24;

    /// <summary>Checks the map against the number of data bytes that the archive holds for the member.</summary>
    public static SparseMap Create(long realSizeBytes, List<(long Offset, long Length)> regions, long dataBytes)
    {
        if (realSizeBytes < 0) throw Bad("the file's size is negative");
        var (end, sum) = (0L, 0L);
        foreach (var (offset, length) in regions)
        {
            if (length < 0 || offset < end || length > realSizeBytes - offset) throw Bad("its regions overlap or exceed the file");
            end = offset + length;
            sum += length;
        }

        if (sum != dataBytes)
        {
            throw Bad(string.Create(CultureInfo.InvariantCulture, $"it maps {sum} bytes and the archive holds {dataBytes}"));
        }

        return new SparseMap(realSizeBytes, regions.FindAll(r => r.Length > 0));
    }

    /// <summary>Appends the pairs of an old GNU header or of one of its extension blocks; an empty pair ends them.</summary>
    public static void AddGnuPairs(ReadOnlySpan<byte> pairs, List<(long Offset, long Length)> regions, int maxRegions)
    {
        for (; pairs.Length >= GnuPairBytes; pairs = pairs[GnuPairBytes..])
        {
            if (pairs[0] == 0) return;
            var offset = TarNumber.ParseField(pairs[..12], "sparse offset");
            Add(regions, offset, TarNumber.ParseField(pairs[12..24], "sparse length"), maxRegions);
        }
    }

    /// <summary>Format 0.0 (repeated offset and numbytes records) or 0.1 (one map record).</summary>
    public static List<(long Offset, long Length)> FromRecords(PaxRecords records, int maxRegions)
    {
        var numbers = new List<long>();
        if (records.Find("GNU.sparse.map") is { } map)
        {
            foreach (var range in map.AsSpan().Split((byte)',')) numbers.Add(TarNumber.ParseDecimal(map.AsSpan()[range], "a sparse map"));
        }
        else
        {
            foreach (var (key, value) in records.All)
            {
                var expected = numbers.Count % 2 == 0 ? "GNU.sparse.offset" : "GNU.sparse.numbytes";
                if (key is not ("GNU.sparse.offset" or "GNU.sparse.numbytes")) continue;
                if (key != expected) throw Bad("offsets and lengths do not alternate");
                numbers.Add(TarNumber.ParseDecimal(value, "a sparse map"));
            }
        }

        return Pair(numbers, maxRegions);
    }

    public static void Add(List<(long Offset, long Length)> regions, long offset, long length, int maxRegions)
    {
        if (regions.Count == maxRegions) throw Bad($"it has more than {maxRegions} regions");
        regions.Add((offset, length));
    }

    public static TarFormatException Bad(string cause) => new($"a sparse map is wrong: {cause}");

    private static List<(long Offset, long Length)> Pair(List<long> numbers, int maxRegions)
    {
        if (numbers.Count % 2 != 0) throw Bad("a length is missing");
        var regions = new List<(long, long)>(numbers.Count / 2);
        for (var i = 0; i < numbers.Count; i += 2) Add(regions, numbers[i], numbers[i + 1], maxRegions);
        return regions;
    }
}
