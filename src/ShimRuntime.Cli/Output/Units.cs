using System.Globalization;

namespace ShimRuntime.Cli.Output;

/// <summary>Numbers as people read them.</summary>
internal static class Units
{
    private static readonly string[] BinarySuffixes = ["B", "KiB", "MiB", "GiB", "TiB"];

    public static string Bytes(ulong bytes)
    {
        var value = (double)bytes;
        var unit = 0;
        while (value >= 1024 && unit < BinarySuffixes.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return unit == 0 ? $"{bytes} B" : string.Create(CultureInfo.InvariantCulture, $"{value:0.0} {BinarySuffixes[unit]}");
    }

    /// <summary>How long ago a Unix time in nanoseconds was: "12s", "3m", "4h", "2d".</summary>
    public static string Age(long unixNanos, DateTimeOffset now)
    {
        if (unixNanos <= 0) return "-";
        var age = now - DateTimeOffset.UnixEpoch.AddTicks(unixNanos / 100);
        return age.TotalSeconds < 60 ? $"{Math.Max(0, (long)age.TotalSeconds)}s"
            : age.TotalMinutes < 60 ? $"{(long)age.TotalMinutes}m"
            : age.TotalHours < 48 ? $"{(long)age.TotalHours}h"
            : $"{(long)age.TotalDays}d";
    }

    /// <summary>The first 13 hex digits of an id, without "sha256:": what crictl shows and every command takes back.</summary>
    public static string ShortId(string id)
    {
        var bare = id.StartsWith("sha256:", StringComparison.Ordinal) ? id[7..] : id;
        return bare.Length > 13 ? bare[..13] : bare;
    }
}
