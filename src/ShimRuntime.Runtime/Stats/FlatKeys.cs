using System.Buffers.Text;

namespace ShimRuntime.Runtime.Stats;

/// <summary>Walks a flat keyed file such as memory.stat: lines of "key value".</summary>
internal ref struct FlatKeys(ReadOnlySpan<byte> text)
{
    private ReadOnlySpan<byte> _rest = text;

    public ReadOnlySpan<byte> Key { get; private set; }

    public ulong Value { get; private set; }

    /// <summary>The next line that has the form; false at the end.</summary>
    public bool Next()
    {
        while (!_rest.IsEmpty)
        {
            var end = _rest.IndexOf((byte)'\n');
            var line = end < 0 ? _rest : _rest[..end];
            _rest = end < 0 ? default : _rest[(end + 1)..];
            var space = line.IndexOf((byte)' ');
            if (space <= 0 || !Utf8Parser.TryParse(line[(space + 1)..], out ulong value, out _)) continue;
            Key = line[..space];
            Value = value;
            return true;
        }

        return false;
    }
}
