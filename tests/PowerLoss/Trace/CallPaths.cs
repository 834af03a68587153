using System.Globalization;
using System.Text;

namespace ShimRuntime.PowerLoss.Tests.Trace;

/// <summary>Which file of a tree a call means: paths relative to the tree's top, null for what lies outside.</summary>
/// <param name="root">Absolute path of the top.</param>
internal sealed class CallPaths(string root)
{
    private const string ProcFd = "/proc/self/fd/";
    private readonly Dictionary<int, string> _opened = [];

    /// <summary>Descriptors are named in paths too (/proc/self/fd/N): what the last open(2) with that number gave.</summary>
    public void Remember(TracedCall open)
    {
        if (open.ResultPath is { } path) _opened[(int)open.Result] = path;
    }

    public string? OfDescriptor(string argument) => Inside(TraceText.PathOf(argument));

    /// <summary>A path argument, looked up from a directory argument where there is one.</summary>
    public string? Of(string? directory, string quoted)
    {
        var path = Encoding.UTF8.GetString(TraceText.Bytes(quoted));
        if (path.StartsWith(ProcFd, StringComparison.Ordinal)) return OfProcFd(path[ProcFd.Length..]);
        if (path.StartsWith('/')) return Inside(path);
        return directory is not null && TraceText.PathOf(directory) is { } from ? Inside(path.Length == 0 ? from : $"{from}/{path}") : null;
    }

    public string? Inside(string? absolute)
    {
        if (absolute is null) return null;
        var full = Path.GetFullPath(absolute);
        if (full == root) return "";
        return full.StartsWith(root + "/", StringComparison.Ordinal) ? full[(root.Length + 1)..] : null;
    }

    private string? OfProcFd(string rest)
    {
        var digits = rest.TakeWhile(char.IsAsciiDigit).Count();
        return _opened.TryGetValue(int.Parse(rest.AsSpan(0, digits), CultureInfo.InvariantCulture), out var path) ? Inside(path + rest[digits..]) : null;
    }
}
