using System.Globalization;

namespace ShimRuntime.Linux;

/// <summary>A process beyond pid reuse: its pid and its start time in clock ticks since boot (proc_pid_stat(5), field 22).</summary>
public readonly record struct ProcessIdentity(int Pid, ulong StartTicks)
{
    /// <summary>Null when there is no such process.</summary>
    public static ProcessIdentity? TryRead(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return new ProcessIdentity(pid, ulong.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>True while the very process that this identity was read from exists (a zombie counts).</summary>
    public bool IsAlive => TryRead(Pid) == this;
}
