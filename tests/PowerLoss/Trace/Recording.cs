using System.Diagnostics;
using ShimRuntime.Integration.Tests.Harness;
using ShimRuntime.PowerLoss.Tests.Disk;

namespace ShimRuntime.PowerLoss.Tests.Trace;

/// <summary>A trace of a daemon and all its children, and the tree below its root as it becomes call by call.</summary>
public sealed class Recording(string path)
{
    /// <summary>Larger than any buffer of ours.</summary>
    private const int LongestString = 32 << 20;

    /// <summary>Shorter than the pauses of what the story's containers do.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(400);

    /// <summary>A shell fragment that runs the rest of its command line under strace, which watches from outside: the daemon stays its parent's child.</summary>
    public string Prelude =>
        $"exec strace -D -f --seccomp-bpf -ttt -T -y -xx -s {LongestString} -e signal=none -e trace={CallDecoder.Calls} -o '{path}' -- \"$0\" \"$@\"";

    /// <summary>
    /// Returns once nothing more is done: a process that is killed in the middle of a call does what the call does, and the trace does not say so.
    /// </summary>
    public async Task QuietAsync()
    {
        var (length, since) = (0L, Stopwatch.GetTimestamp());
        await Eventually.True(() =>
        {
            if (new FileInfo(path).Length is var now && now != length) (length, since) = (now, Stopwatch.GetTimestamp());
            return Stopwatch.GetElapsedTime(since) > Quiet;
        }, "the daemon's calls come to rest");
    }

    /// <summary>The tracer ends, and has written all, once the last process is gone that it watches.</summary>
    public Task EndAsync() => Eventually.True(() => !Processes.All().Any(IsTracer), "strace ends with the last of the daemon's processes");

    /// <summary>Goes through the calls, and says after every one that changed what a power loss might leave.</summary>
    public void Walk(string root, DiskModel disk, Action<CrashPoint> changed)
    {
        var decoder = new CallDecoder(disk, root);
        CrashPoint? last = null;
        foreach (var step in Steps(decoder))
        {
            disk.Count++;
            if (!step.Apply())
            {
                disk.Count--;
                continue;
            }

            if (last is not null) last.Until = step.ReturnedAt;
            changed(last = new CrashPoint(disk.Count, step.Call));
        }
    }

    /// <summary>In the order in which calls took effect; a sync has two steps, and takes effect in the second for what was there at the first.</summary>
    private IEnumerable<(double ReturnedAt, string Call, Func<bool> Apply)> Steps(CallDecoder decoder)
    {
        var steps = new List<(int Line, bool Ends, TracedCall Call, Func<bool> Apply)>();
        foreach (var call in TraceReader.Read(path))
        {
            if (!CallDecoder.IsSync(call))
            {
                steps.Add((call.ReturnedAtLine, true, call, () => decoder.Apply(call)));
                continue;
            }

            Action? sync = null;
            steps.Add((call.EnteredAtLine, false, call, () => (sync = decoder.BeginSync(call)) is null && false));
            steps.Add((call.ReturnedAtLine, true, call, () => { sync?.Invoke(); return sync is not null; }));
        }

        return steps.OrderBy(s => s.Line).ThenBy(s => s.Ends).Select(s => (s.Call.ReturnedAt, Describe(s.Call), s.Apply));
    }

    private static string Describe(TracedCall call) =>
        $"{call.Name}({string.Join(", ", call.Arguments.Select(a => TraceText.PathOf(a) ?? TraceText.Shown(a)))})";

    private bool IsTracer(int pid) => Processes.Read(pid, "comm").Trim() == "strace" && Processes.Read(pid, "cmdline").Contains(path, StringComparison.Ordinal);
}
