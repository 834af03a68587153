namespace ShimRuntime.Runtime.Shims;

/// <summary>Words for where a process hangs: its state and kernel wait channel (proc(5)), so that a stuck stop names its cause.</summary>
public static class ProcessState
{
    /// <summary>"pid 42 (nginx), state D, in nfs_wait_bit_killable", or that it is gone.</summary>
    public static string Describe(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var open = stat.IndexOf('(', StringComparison.Ordinal);
            var close = stat.LastIndexOf(')');
            var channel = File.ReadAllText($"/proc/{pid}/wchan");
            return $"pid {pid} ({stat[(open + 1)..close]}), state {stat[close + 2]}{(channel is "" or "0" ? "" : $", in {channel}")}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"pid {pid}, gone";
        }
    }
}
