using System.Text;

namespace ShimRuntime.Cli.Logs;

/// <summary>One line of a CRI log file: "&lt;RFC3339Nano&gt; stdout|stderr P|F &lt;bytes&gt;". P: the line goes on in the next entry of its stream.</summary>
internal readonly record struct CriLogLine(string Timestamp, bool IsStderr, bool IsPartial, ReadOnlyMemory<byte> Content)
{
    /// <summary>Parses a line without its newline; null where it is none of ours.</summary>
    public static CriLogLine? TryParse(ReadOnlyMemory<byte> line)
    {
        var span = line.Span;
        var first = span.IndexOf((byte)' ');
        if (first < 0) return null;
        var stream = span[(first + 1)..];
        if (stream.Length < 9 || stream[6] != ' ' || stream[8] != ' ') return null;
        var isStderr = stream[..6].SequenceEqual("stderr"u8);
        if (!isStderr && !stream[..6].SequenceEqual("stdout"u8)) return null;
        return new CriLogLine(Encoding.ASCII.GetString(span[..first]), isStderr, stream[7] == 'P', line[(first + 10)..]);
    }
}
