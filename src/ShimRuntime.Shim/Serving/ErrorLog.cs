using System.Text;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Serving;

/// <summary>stderr, which the daemon connects to the container's shim.log. By write(2): the Console class would start a thread.</summary>
internal static unsafe class ErrorLog
{
    private const int StandardError = 2;

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
