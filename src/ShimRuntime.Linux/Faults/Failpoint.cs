using System.Diagnostics;
#if FAILPOINTS
using System.Globalization;
using System.Text;
using static Tmds.Linux.LibC;
#endif

namespace ShimRuntime.Linux;

/// <summary>
/// A named place where a chaos test makes this process fail. Only builds with FAILPOINTS have them (<c>make chaos</c>): elsewhere the calls
/// and their names are not compiled. Most places are not written down: every call of a durable write, spawn, mount, namespace or cgroup is
/// one (tests/Failpoints); frames are named by hand.
/// <code>
/// terms   = term { "->" term }                what the file failpoints/&lt;name&gt; beside the binary holds; without a file: off
/// term    = [ count "*" ] action              count hits of it, then the next term; without a count: every hit
/// action  = "off"
///         | "error" [ "(" message ")" ]       the call fails with EIO, or answers false where that is how it tells
///         | "delay(" milliseconds ")"
///         | "kill(" "daemon" | "shim" ")"     SIGKILL: shimruntimed, or every `shimruntime-shim serve`, whichever process the place is in
/// </code>
/// <c>1*off->1*kill(daemon)</c> kills at the second hit and never again: counts are written back before anything happens, and are the
/// same for all processes. Every hit adds its name as a line to failpoints/hits; without the directory there is nothing at all.
/// </summary>
public static class Failpoint
{
    /// <summary>Does what the file of this name says; an error is a <see cref="LinuxException"/>.</summary>
    [Conditional("FAILPOINTS")]
    public static void Hit(string name)
    {
#if FAILPOINTS
        if (Act(name) is { } message) throw new LinuxException("failpoint", Errno.EIO, $"{name}{message}");
#endif
    }

#if FAILPOINTS
    private static readonly string Binaries = Path.GetDirectoryName(Environment.ProcessPath)!;
    private static readonly string Points = Path.Combine(Binaries, "failpoints");

    /// <summary>As <see cref="Hit"/>; false in the place of an error.</summary>
    public static bool Passes(string name) => Act(name) is null;

    /// <summary>Null: go on. Else the error's message.</summary>
    private static string? Act(string name)
    {
        if (!Directory.Exists(Points)) return null;
        Note(name);
        var action = Take(Path.Combine(Points, name));
        var argument = action.IndexOf('(') is > 0 and var open ? action[(open + 1)..^1] : "";
        switch (action.Split('(')[0])
        {
            case "error":
                return argument.Length > 0 ? $": {argument}" : "";
            case "delay":
                _ = usleep(uint.Parse(argument, CultureInfo.InvariantCulture) * 1000);
                return null;
            case "kill":
                Kill(argument);
                return null;
            default:
                return null;
        }
    }

    /// <summary>The action in turn; what is left of the terms is written back first.</summary>
    private static string Take(string path)
    {
        for (var patience = 1000; patience > 0; patience--)
        {
            try
            {
                if (!File.Exists(path)) return "off";
                using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                var terms = new StreamReader(file).ReadToEnd().Trim();
                var (action, rest) = Next(terms);
                if (rest == terms) return action;
                file.SetLength(0);
                file.Write(Encoding.UTF8.GetBytes(rest));
                return action;
            }
            catch (IOException)
            {
                _ = usleep(1000); // another process, or thread, is at it
            }
        }

        return "off";
    }

    private static (string Action, string Remaining) Next(string terms)
    {
        var end = terms.IndexOf("->", StringComparison.Ordinal);
        var (term, later) = end < 0 ? (terms, "off") : (terms[..end], terms[(end + 2)..]);
        var star = term.IndexOf('*');
        if (star < 0) return (term, terms);
        var count = int.Parse(term[..star], CultureInfo.InvariantCulture);
        var action = term[(star + 1)..];
        return (action, count <= 1 ? later : $"{count - 1}*{action}{(end < 0 ? "" : $"->{later}")}");
    }

    private static unsafe void Note(string name)
    {
        using var path = new CString(Path.Combine(Points, "hits"));
        var fd = open(path.Pointer, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, (Tmds.Linux.mode_t)0x180u);
        if (fd < 0) return;
        var line = Encoding.UTF8.GetBytes(name + "\n");
        fixed (byte* start = line) _ = write(fd, start, line.Length);
        _ = close(fd);
    }

    /// <summary>Of this directory's binaries, and this process last.</summary>
    private static void Kill(string which)
    {
        var isMine = false;
        foreach (var process in Directory.GetDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(process), CultureInfo.InvariantCulture, out var pid) || !Is(process, which)) continue;
            if (pid == Environment.ProcessId) isMine = true;
            else _ = kill(pid, 9);
        }

        if (isMine) _ = kill(Environment.ProcessId, 9);
    }

    private static bool Is(string process, string which)
    {
        try
        {
            var binary = which == "daemon" ? "shimruntimed" : "shimruntime-shim";
            return new FileInfo(Path.Combine(process, "exe")).LinkTarget == Path.Combine(Binaries, binary)
                && (which == "daemon" || File.ReadAllText(Path.Combine(process, "cmdline")).Contains("\0serve\0", StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it has gone
        }
    }
#endif
}
