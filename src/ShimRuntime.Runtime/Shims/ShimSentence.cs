using System.Text;

namespace ShimRuntime.Runtime.Shims;

/// <summary>
/// What a shim or a pod init says before it serves. The binary on disk may be of another release than this daemon, damaged, or no shim at
/// all: its bytes reach a client only if they are text.
/// </summary>
internal static class ShimSentence
{
    private const int MaxLogTailBytes = 512;
    private static readonly UTF8Encoding Strict = new(false, true);

    public const string Advice = "install daemon and shim of one release, then restart the daemon";

    /// <summary>Trimmed; null when it is empty, not UTF-8, or has control characters in it.</summary>
    public static string? TryRead(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var text = Strict.GetString(bytes).Trim();
            return text.Length == 0 || text.Any(char.IsControl) ? null : text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>For bytes that are no sentence: how many, and the first of them in hexadecimal.</summary>
    public static string Describe(ReadOnlySpan<byte> bytes)
    {
        const int Shown = 8;
        var more = bytes.Length > Shown ? "…" : "";
        return $"{bytes.Length} bytes ({Convert.ToHexStringLower(bytes[..Math.Min(bytes.Length, Shown)])}{more})";
    }

    /// <summary>For a sentence about a shim that has died: its log goes with its container. Empty: it has no last line that is text.</summary>
    public static string LastWords(string logPath) => LastOf(logPath) is { } line ? $" (its last words: {line})" : "";

    internal static string? LastOf(string logPath)
    {
        try
        {
            using var log = File.OpenHandle(logPath);
            var length = RandomAccess.GetLength(log);
            var tail = new byte[Math.Min(length, MaxLogTailBytes)];
            var count = RandomAccess.Read(log, tail, length - tail.Length);
            var lines = tail.AsSpan(0, count).TrimEnd((byte)'\n');
            return TryRead(lines[(lines.LastIndexOf((byte)'\n') + 1)..]);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
