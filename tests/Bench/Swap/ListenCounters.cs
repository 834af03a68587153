using System.Globalization;

namespace ShimRuntime.Bench.Swap;

/// <summary>ListenOverflows and ListenDrops of a network namespace (/proc/&lt;pid&gt;/net/netstat): connections that a full queue turned away.</summary>
internal readonly record struct ListenCounters(long Overflows, long Drops)
{
    public static ListenCounters Of(int pid)
    {
        var lines = File.ReadAllLines($"/proc/{pid}/net/netstat").Where(l => l.StartsWith("TcpExt:", StringComparison.Ordinal)).ToArray();
        var (names, values) = (lines[0].Split(' '), lines[1].Split(' '));
        long Value(string name) => long.Parse(values[Array.IndexOf(names, name)], CultureInfo.InvariantCulture);
        return new ListenCounters(Value("ListenOverflows"), Value("ListenDrops"));
    }

    /// <summary>Connections that wait for accept(2) at the listeners of a port: the receive queue of a line in the state LISTEN (proc_pid_net(5)).</summary>
    public static int QueueOf(int pid, int port)
    {
        const string listening = "0A";
        var (suffix, sum) = ($":{port:X4}", 0);
        foreach (var table in (ReadOnlySpan<string>)["tcp", "tcp6"])
        {
            // Listeners come first; thousands of connections follow.
            foreach (var line in File.ReadLines($"/proc/{pid}/net/{table}").Skip(1))
            {
                var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields[3] != listening) break;
                if (fields[1].EndsWith(suffix, StringComparison.Ordinal)) sum += Convert.ToInt32(fields[4].Split(':')[1], 16);
            }
        }

        return sum;
    }
}
