using System.Globalization;

namespace ShimRuntime.Bench.Restart;

/// <summary>
/// A container's log (CRI form: <c>TIME stream TAG text</c>) whose lines begin with the numbers from 0 on, each once and in order, over all rotations.
/// It is read as it is rotated, and what was read is deleted. Methods are for one caller at a time.
/// </summary>
/// <param name="wrap">After so many lines the numbers begin anew; 0: never.</param>
internal sealed class NumberedLog(string path, long wrap = 0)
{
    private const int BlockBytes = 1 << 20; // no line is as long
    private readonly byte[] _block = new byte[BlockBytes];
    private int _rotations;

    public long Lines { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>The first line that was not the next one; null: there was none.</summary>
    public string? Fault { get; private set; }

    /// <summary>As kubelet does it: renamed, then reopened; from then on nothing more is written to the old file.</summary>
    public async Task RotateAsync(Func<Task> reopen)
    {
        var old = string.Create(CultureInfo.InvariantCulture, $"{path}.{++_rotations}");
        File.Move(path, old);
        await reopen();
        Read(old);
    }

    /// <summary>The rest, of a container that has ended.</summary>
    public void Finish() => Read(path);

    private void Read(string file)
    {
        using (var log = File.OpenHandle(file))
        {
            var (offset, filled) = (0L, 0);
            for (int count; (count = RandomAccess.Read(log, _block.AsSpan(filled), offset)) > 0; offset += count)
            {
                var text = _block.AsSpan(0, filled + count);
                for (int end; (end = text.IndexOf((byte)'\n')) >= 0; text = text[(end + 1)..]) Take(text[..end], file);
                text.CopyTo(_block);
                filled = text.Length;
            }

            if (filled > 0) Fault ??= $"{file} ends within a line";
            Bytes += offset;
        }

        File.Delete(file);
    }

    private void Take(ReadOnlySpan<byte> line, string file)
    {
        var expected = wrap == 0 ? Lines : Lines % wrap;
        var text = TextOf(line);
        if (text.IndexOf((byte)' ') is >= 0 and var end) text = text[..end];
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number != expected)
            Fault ??= $"{file}: expected {expected}, found '{System.Text.Encoding.UTF8.GetString(line[..Math.Min(line.Length, 80)])}'";
        Lines++;
    }

    /// <summary>Empty, which is no number, unless it is a whole line of stdout.</summary>
    private static ReadOnlySpan<byte> TextOf(ReadOnlySpan<byte> line)
    {
        var time = line.IndexOf((byte)' ');
        return time >= 0 && line[time..].StartsWith(" stdout F "u8) ? line[(time + " stdout F ".Length)..] : [];
    }
}
