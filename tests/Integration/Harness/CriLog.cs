using System.Globalization;
using System.Text;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>One entry of a CRI log: "&lt;RFC3339Nano&gt; stdout|stderr P|F &lt;text&gt;".</summary>
public sealed record CriLogEntry(DateTimeOffset Time, string Stream, bool Partial, string Text);

/// <summary>A container log, parsed strictly: anything that is not exactly the format fails the test.</summary>
public sealed class CriLog
{
    private CriLog(IReadOnlyList<CriLogEntry> entries) => Entries = entries;

    public IReadOnlyList<CriLogEntry> Entries { get; }

    /// <summary>Reads one or several files (rotated ones first) as one log.</summary>
    public static CriLog Read(params IEnumerable<string> paths) => new([.. paths.SelectMany(Parse)]);

    /// <summary>The text as the container wrote it: partial entries joined.</summary>
    public string Text(string? stream = null)
    {
        var text = new StringBuilder();
        foreach (var entry in Entries.Where(e => stream is null || e.Stream == stream))
        {
            text.Append(entry.Text);
            if (!entry.Partial) text.Append('\n');
        }

        return text.ToString();
    }

    public IReadOnlyList<string> Lines(string? stream = null) => Text(stream).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static IEnumerable<CriLogEntry> Parse(string path)
    {
        var bytes = Encoding.UTF8.GetString(ReadShared(path));
        // A line that is being written has no newline yet.
        var complete = bytes[..(bytes.LastIndexOf('\n') + 1)];
        foreach (var line in complete.Split('\n').SkipLast(1))
        {
            var parts = line.Split(' ', 4);
            if (parts.Length != 4 || parts[1] is not ("stdout" or "stderr") || parts[2] is not ("P" or "F")
                || !DateTimeOffset.TryParse(parts[0], CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
            {
                throw new FormatException($"{path}: not a CRI log line: '{line[..Math.Min(200, line.Length)]}'");
            }

            yield return new CriLogEntry(time, parts[1], parts[2] == "P", parts[3]);
        }
    }

    private static byte[] ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var content = new MemoryStream();
        file.CopyTo(content);
        return content.ToArray();
    }
}
