using System.Text;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Serving;

/// <summary>stderr, connected to the container's shim.log. By write(2): the Console class would start a thread.</summary>
internal static unsafe class ErrorLog
{
    private const int StandardError = 2;
    private const int OwnerReadWrite = 0x180;

    /// <summary>For a shim that was started before it had a container: /dev/null until now. The daemon has made the file.</summary>
    public static void Open(string runDirectory)
    {
        fixed (byte* path = Encoding.UTF8.GetBytes($"{runDirectory}/shim.log\0"))
        {
            var fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, (Tmds.Linux.mode_t)OwnerReadWrite);
            if (fd < 0) return;
            _ = dup2(fd, StandardError);
            _ = close(fd);
        }
    }

    public static void Write(string message)
    {
        Span<byte> stamp = stackalloc byte[Logging.CriTimestamp.Bytes];
        Logging.CriTimestamp.Write(stamp, DateTime.UtcNow);
        WriteRaw(StandardError, $"{Encoding.ASCII.GetString(stamp)} {message}\n");
    }

    /// <summary>Text to a descriptor as it is; what can't be written is lost.</summary>
    public static void WriteRaw(int fd, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* p = bytes) _ = write(fd, p, bytes.Length);
    }
}
