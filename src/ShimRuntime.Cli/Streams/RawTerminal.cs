using System.Runtime.InteropServices;

namespace ShimRuntime.Cli.Streams;

/// <summary>
/// The operator's terminal while its keys belong to a container: raw (cfmakeraw(3)), and put back however this ends, save SIGKILL. Does
/// nothing where stdin is no terminal.
/// </summary>
internal sealed unsafe partial class RawTerminal : IDisposable
{
    private const int StandardInput = 0;
    private const int StandardOutput = 1;
    private const int ApplyNow = 0; // TCSANOW
    private const int TermiosBytes = 128; // sizeof(struct termios) is 60 with glibc
    private const nuint TIOCGWINSZ = 0x5413;
    private readonly byte[] _saved = new byte[TermiosBytes];
    private readonly List<PosixSignalRegistration> _signals = [];
    private bool _isRaw;

    public static bool IsTerminal => isatty(StandardInput) == 1;

    /// <summary>Columns and rows; null when stdout is no terminal.</summary>
    public static (int Columns, int Rows)? Size
    {
        get
        {
            var size = stackalloc ushort[4];
            return ioctl(StandardOutput, TIOCGWINSZ, size) == 0 && size[0] > 0 && size[1] > 0 ? (size[1], size[0]) : null;
        }
    }

    public static RawTerminal Enter()
    {
        var terminal = new RawTerminal();
        if (!IsTerminal) return terminal;
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT])
            terminal._signals.Add(PosixSignalRegistration.Create(signal, _ => terminal.Restore()));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => terminal.Restore();
        fixed (byte* saved = terminal._saved)
        {
            if (tcgetattr(StandardInput, saved) != 0) return terminal;
            var raw = stackalloc byte[TermiosBytes];
            new Span<byte>(saved, TermiosBytes).CopyTo(new Span<byte>(raw, TermiosBytes));
            cfmakeraw(raw);
            terminal._isRaw = tcsetattr(StandardInput, ApplyNow, raw) == 0;
        }

        return terminal;
    }

    public void Dispose()
    {
        Restore();
        foreach (var signal in _signals) signal.Dispose();
    }

    private void Restore()
    {
        if (!_isRaw) return;
        _isRaw = false;
        fixed (byte* saved = _saved) _ = tcsetattr(StandardInput, ApplyNow, saved);
    }

    [LibraryImport("libc")]
    private static partial int isatty(int fd);

    [LibraryImport("libc")]
    private static partial int tcgetattr(int fd, byte* termios);

    [LibraryImport("libc")]
    private static partial int tcsetattr(int fd, int when, byte* termios);

    [LibraryImport("libc")]
    private static partial void cfmakeraw(byte* termios);

    [LibraryImport("libc")]
    private static partial int ioctl(int fd, nuint request, ushort* size);
}
