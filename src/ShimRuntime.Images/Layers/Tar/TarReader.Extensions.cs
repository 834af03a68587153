using System.Text;

namespace ShimRuntime.Images;

internal sealed partial class TarReader
{
    private const string XattrPrefix = "SCHILY.xattr.";

    /// <summary>Takes the block as an extension of the member to come (or of all to come). False when it is a member itself.</summary>
    private async ValueTask<bool> ReadExtensionAsync(Extensions extensions)
    {
        switch (_block[156])
        {
            case (byte)'x' or (byte)'X':
                extensions.SetPax(PaxRecords.Parse(await ReadContentAsync(limits.MaxPaxBytes, "a pax header").ConfigureAwait(false)));
                return true;
            case (byte)'g':
                // Its defaults (times, owners) are passed over, as all container runtimes do: the layer looks here as it does there.
                PaxRecords.Parse(await ReadContentAsync(limits.MaxPaxBytes, "a global pax header").ConfigureAwait(false)).RequireGlobal();
                return CountExtension();
            case (byte)'L':
                extensions.SetLongName(await ReadTextAsync("a long name").ConfigureAwait(false));
                return true;
            case (byte)'K':
                extensions.SetLongLink(await ReadTextAsync("a long link target").ConfigureAwait(false));
                return true;
            case (byte)'V':
                await input.SkipAsync(Padded(new TarHeader(_block).SizeBytes)).ConfigureAwait(false);
                return CountExtension(); // a volume label
            default:
                return false;
        }
    }

    // Extensions that stand alone count as entries, so that an endless row of them ends.
    private bool CountExtension() =>
        ++_entries <= limits.MaxEntries ? true : throw new TarFormatException($"the archive has more than {limits.MaxEntries} entries");

    private async ValueTask<byte[]> ReadTextAsync(string what)
    {
        var content = await ReadContentAsync(limits.MaxNameBytes + 1, what).ConfigureAwait(false);
        var end = content.AsSpan().IndexOf((byte)0);
        return end < 0 ? content : content[..end];
    }

    private async ValueTask<byte[]> ReadContentAsync(int maxBytes, string what)
    {
        var size = new TarHeader(_block).SizeBytes;
        if (size < 0 || size > maxBytes) throw new TarFormatException($"{what} has {size} bytes, more than {maxBytes}");
        var content = new byte[size];
        if (size > 0 && !await input.ReadAsync(content).ConfigureAwait(false)) throw input.Truncated();
        await input.SkipAsync(Padded(size) - size).ConfigureAwait(false);
        return content;
    }

    private static long Padded(long size) =>
        size is >= 0 and <= long.MaxValue - TarInput.BlockBytes
            ? (size + TarInput.BlockBytes - 1) / TarInput.BlockBytes * TarInput.BlockBytes
            : throw new TarFormatException("a member's size is out of range");

    /// <summary>
    /// What extension headers say about the next member. Each kind at most once, and a name by GNU or by pax but not both: readers differ
    /// in which one they believe.
    /// </summary>
    private sealed class Extensions
    {
        private byte[]? _longName;
        private byte[]? _longLink;
        private bool _hasPax;

        public PaxRecords Pax { get; private set; } = PaxRecords.Empty;

        public bool IsEmpty => _longName is null && _longLink is null && !_hasPax;

        public void SetPax(PaxRecords records)
        {
            if (_hasPax) throw new TarFormatException("a member has two pax headers");
            (_hasPax, Pax) = (true, records);
        }

        public void SetLongName(byte[] name) =>
            _longName = _longName is null ? name : throw new TarFormatException("a member has two long names");

        public void SetLongLink(byte[] target) =>
            _longLink = _longLink is null ? target : throw new TarFormatException("a member has two long link targets");

        /// <summary>The member's name; of a pax sparse member the one that its own records give.</summary>
        public byte[] Name(byte[] fromHeader, bool isSparse) =>
            Choose(_longName, (isSparse ? Attribute("GNU.sparse.name") : null) ?? Attribute("path"), fromHeader, "name");

        public byte[] LinkTarget(byte[] fromHeader) => Choose(_longLink, Attribute("linkpath"), fromHeader, "link target");

        public IReadOnlyList<TarXattr> Xattrs()
        {
            if (!_hasPax) return [];
            var found = new Dictionary<string, byte[]>();
            foreach (var (key, value) in Pax.All)
            {
                if (key.StartsWith(XattrPrefix, StringComparison.Ordinal)) found[key[XattrPrefix.Length..]] = value;
            }

            return found.Select(x => new TarXattr(Encoding.Latin1.GetBytes(x.Key), x.Value)).ToList();
        }

        /// <summary>What the member's pax header says; null when it says nothing, or unsets it.</summary>
        public byte[]? Attribute(string key) => Pax.Find(key) is { Length: > 0 } value ? value : null;

        private static byte[] Choose(byte[]? gnu, byte[]? pax, byte[] header, string what) =>
            gnu is not null && pax is not null
                ? throw new TarFormatException($"a member has its {what} both by GNU and by pax")
                : gnu ?? pax ?? header;
    }
}
