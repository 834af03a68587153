using System.Globalization;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Files that this process has mapped: its own executable, and libraries (proc_pid_smaps(5)).</summary>
public static unsafe class MappedFiles
{
    /// <summary>
    /// Unmaps the pages of code and constants that were used so far (madvise(2), MADV_DONTNEED). They stay in the page cache, and what is
    /// used again is mapped again at its first use, by a minor fault for sixteen pages.
    /// </summary>
    public static void ReturnPages()
    {
        var region = (Start: 0UL, End: 0UL);
        foreach (var line in File.ReadLines("/proc/self/smaps"))
        {
            if (IsHead(line)) region = Unwritable(line);
            // A private copy of a page (a relocation's) is nowhere else: a region with one is left alone.
            else if (region.End > 0 && line.StartsWith("Anonymous:", StringComparison.Ordinal) && line.EndsWith(" 0 kB", StringComparison.Ordinal))
                _ = madvise((void*)region.Start, (size_t)(region.End - region.Start), MADV_DONTNEED);
        }
    }

    /// <summary>A region's line begins with its addresses, in small hexadecimal digits; every other one with a name.</summary>
    private static bool IsHead(string line) => !char.IsAsciiLetterUpper(line[0]);

    /// <summary>"start-end perms offset device inode path"; nothing for what is writable, or is no file.</summary>
    private static (ulong Start, ulong End) Unwritable(string head)
    {
        var fields = head.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 6 || fields[1].Contains('w') || !fields[5].TrimStart().StartsWith('/')) return default;
        var dash = fields[0].IndexOf('-');
        return (Hex(fields[0][..dash]), Hex(fields[0][(dash + 1)..]));
    }

    private static ulong Hex(string digits) => ulong.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
