using System.Text;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Oom;

/// <summary>
/// The kernel's own account of an OOM kill, from /dev/kmsg where it is readable (format: kernel's Documentation/ABI/testing/dev-kmsg).
/// </summary>
internal static unsafe class KernelLog
{
    private const int RecordBytes = 8192;
    private const int MaxRecords = 100_000;

    /// <summary>
    /// The limiting cgroup of the last kill in <paramref name="leaf"/>; "" for the whole machine; null when the log has none or is closed
    /// to us.
    /// </summary>
    public static string? LimiterOfLastKill(string leaf)
    {
        fixed (byte* path = "/dev/kmsg\0"u8)
        {
            var fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
            if (fd < 0) return null;
            string? last = null;
            var record = stackalloc byte[RecordBytes];
            for (var i = 0; i < MaxRecords; i++)
            {
                var count = (int)read(fd, record, RecordBytes);
                // EPIPE: records were overwritten, the next read goes on.
                if (count < 0 && errno is Linux.Errno.EPIPE or Linux.Errno.EINTR) continue;
                if (count <= 0) break;
                var text = new ReadOnlySpan<byte>(record, count);
                if (text.IndexOf(";oom-kill:"u8) >= 0) last = LimiterIn(Encoding.UTF8.GetString(text), leaf) ?? last;
            }

            _ = close(fd);
            return last;
        }
    }

    /// <summary>
    /// Reads <c>oom-kill:constraint=CONSTRAINT_MEMCG,…,oom_memcg=/a,task_memcg=/a/b,task=x,pid=1,uid=0</c> or
    /// <c>…,global_oom,task_memcg=…</c>; null when its victim was not in <paramref name="leaf"/>.
    /// </summary>
    public static string? LimiterIn(string record, string leaf)
    {
        var victim = Field(record, ",task_memcg=");
        // An exec's sub-cgroup counts as the leaf.
        if (victim is null || !$"{victim}/".Contains($"{leaf}/", StringComparison.Ordinal)) return null;
        return record.Contains(",global_oom,", StringComparison.Ordinal) ? "" : Field(record, ",oom_memcg=");
    }

    private static string? Field(string record, string key)
    {
        var start = record.IndexOf(key, StringComparison.Ordinal);
        if (start < 0) return null;
        start += key.Length;
        var end = record.IndexOf(',', start);
        return end < 0 ? null : record[start..end];
    }
}
