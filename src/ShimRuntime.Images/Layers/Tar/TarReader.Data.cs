namespace ShimRuntime.Images;

internal sealed partial class TarReader
{
    private const int MaxDigitsOfMap = 20;
    private long _stored; // data bytes of the member that are still in the archive
    private long _padding;
    private long _offset;
    private IReadOnlyList<(long Offset, long Length)> _regions = [];
    private int _region;
    private long _regionDone;

    /// <summary>The next piece of the current member's content; null when all was given. Holes of sparse files are never given.</summary>
    public async ValueTask<TarData?> ReadDataAsync()
    {
        if (_stored == 0) return null;
        var sparse = _regions.Count > 0;
        var wanted = sparse ? Math.Min(_stored, _regions[_region].Length - _regionDone) : _stored;
        var bytes = await input.TakeAsync(wanted).ConfigureAwait(false);
        if (bytes.IsEmpty) throw input.Truncated();
        var at = sparse ? _regions[_region].Offset + _regionDone : _offset;
        _stored -= bytes.Length;
        _offset += bytes.Length;
        if (sparse && (_regionDone += bytes.Length) == _regions[_region].Length) (_region, _regionDone) = (_region + 1, 0);
        return new TarData(at, bytes);
    }

    private void BeginData(long dataBytes, SparseMap? sparse)
    {
        _stored = sparse is null ? dataBytes : sparse.Regions.Sum(r => r.Length);
        _padding = Padded(_stored) - _stored;
        _regions = sparse?.Regions ?? [];
        (_offset, _region, _regionDone) = (0, 0, 0);
    }

    private async ValueTask FinishDataAsync()
    {
        await input.SkipAsync(_stored + _padding).ConfigureAwait(false);
        (_stored, _padding) = (0, 0);
    }

    private async ValueTask<SparseMap> ReadGnuSparseAsync(long dataBytes)
    {
        var regions = new List<(long, long)>();
        var realSize = TarNumber.ParseField(_block.AsSpan(483, 12), "real size");
        var pairs = new TarHeader(_block).GnuSparse[..96];
        SparseMap.AddGnuPairs(pairs, regions, limits.MaxSparseRegions);
        var more = _block[482] != 0;
        var extension = more ? new byte[TarInput.BlockBytes] : [];
        while (more)
        {
            if (!await input.ReadAsync(extension).ConfigureAwait(false)) throw input.Truncated();
            var before = regions.Count;
            SparseMap.AddGnuPairs(extension.AsSpan(0, 504), regions, limits.MaxSparseRegions);
            more = extension[504] != 0;
            if (more && regions.Count == before) throw SparseMap.Bad("an extension block is empty");
        }

        return SparseMap.Create(realSize, regions, dataBytes);
    }

    private async ValueTask<SparseMap?> ReadPaxSparseAsync(PaxRecords pax, long dataBytes)
    {
        var major = pax.Find("GNU.sparse.major") is { Length: > 0 } text ? TarNumber.ParseDecimal(text, "a sparse version") : 0;
        if (major == 1)
        {
            var realSize = TarNumber.ParseDecimal(pax.Find("GNU.sparse.realsize")
                ?? throw SparseMap.Bad("the real size is missing"), "a sparse real size");
            var (regions, mapBytes) = await ReadStoredMapAsync(dataBytes).ConfigureAwait(false);
            return SparseMap.Create(realSize, regions, dataBytes - mapBytes);
        }

        if (major > 1) throw SparseMap.Bad($"version {major} is unknown");
        if (pax.Find("GNU.sparse.size") is not { Length: > 0 } size) return null;
        var map = SparseMap.FromRecords(pax, limits.MaxSparseRegions);
        return SparseMap.Create(TarNumber.ParseDecimal(size, "a sparse size"), map, dataBytes);
    }

    /// <summary>Format 1.0: the data begins with decimal lines (count, then offset and length of each region), padded to a block.</summary>
    private async ValueTask<(List<(long Offset, long Length)> Regions, long MapBytes)> ReadStoredMapAsync(long dataBytes)
    {
        var numbers = new List<long>();
        var text = new byte[TarInput.BlockBytes + MaxDigitsOfMap];
        var (held, mapBytes) = (0, 0L);
        while (numbers.Count == 0 || numbers.Count < 1 + (2 * numbers[0]))
        {
            if (mapBytes + TarInput.BlockBytes > Padded(dataBytes)) throw SparseMap.Bad("it is longer than the member");
            if (!await input.ReadAsync(text.AsMemory(held, TarInput.BlockBytes)).ConfigureAwait(false)) throw input.Truncated();
            mapBytes += TarInput.BlockBytes;
            held = TakeLines(text, held + TarInput.BlockBytes, numbers);
            if (numbers.Count > 0 && numbers[0] > limits.MaxSparseRegions)
            {
                throw SparseMap.Bad($"it has more than {limits.MaxSparseRegions} regions");
            }
        }

        if (mapBytes > dataBytes) throw SparseMap.Bad("it is longer than the member");
        var regions = new List<(long, long)>();
        for (var i = 1; i + 1 < numbers.Count; i += 2) SparseMap.Add(regions, numbers[i], numbers[i + 1], limits.MaxSparseRegions);
        return (regions, mapBytes);
    }

    /// <summary>
    /// Moves whole lines to <paramref name="numbers"/> until the stated count is reached; returns how many bytes of a cut line stay at the
    /// front.
    /// </summary>
    private static int TakeLines(byte[] text, int length, List<long> numbers)
    {
        var rest = text.AsSpan(0, length);
        while (numbers.Count == 0 || numbers.Count < 1 + (2 * numbers[0]))
        {
            var end = rest.IndexOf((byte)'\n');
            if (end < 0) break;
            numbers.Add(TarNumber.ParseDecimal(rest[..end], "a sparse map"));
            rest = rest[(end + 1)..];
            if (numbers[0] > int.MaxValue) throw SparseMap.Bad("its count is out of range");
        }

        if (numbers.Count > 0 && numbers.Count == 1 + (2 * numbers[0])) return 0;
        if (rest.Length > MaxDigitsOfMap) throw SparseMap.Bad("a line is too long");
        rest.CopyTo(text);
        return rest.Length;
    }
}
