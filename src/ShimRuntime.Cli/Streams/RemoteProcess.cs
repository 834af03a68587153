using System.Globalization;
using System.Net.WebSockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace ShimRuntime.Cli.Streams;

/// <summary>The operator's end of an exec or attach: keys in, output out, the terminal's size on SIGWINCH, the exit code at the end.</summary>
internal sealed class RemoteProcess(ChannelSocket channels, bool stdin, bool tty)
{
    private const byte StdinChannel = 0;
    private const int StdoutChannel = 1;
    private const int StderrChannel = 2;
    private const int ErrorChannel = 3;
    private const byte ResizeChannel = 4;

    /// <returns>The command's exit code; 1 with a line on stderr when it could not run.</returns>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        using var terminal = tty && stdin ? RawTerminal.Enter() : null;
        using var resized = tty ? PosixSignalRegistration.Create(PosixSignal.SIGWINCH, Resized) : null;
        if (tty) await SendSizeAsync(cancellation);
        if (stdin) _ = Task.Run(() => PumpStdinAsync(cancellation), cancellation);
        await using var stdout = Console.OpenStandardOutput();
        await using var stderr = Console.OpenStandardError();
        var status = new MemoryStream();
        while (true)
        {
            var (channel, bytes) = await channels.ReceiveAsync(cancellation);
            if (channel < 0) break;
            var target = channel switch { StdoutChannel => stdout, StderrChannel => stderr, ErrorChannel => status, _ => Stream.Null };
            await target.WriteAsync(bytes, cancellation);
        }

        terminal?.Dispose();
        return ExitCode(status.ToArray());

        void Resized(PosixSignalContext context) => _ = SendSizeAsync(cancellation);
    }

    /// <summary>Reads the exit code out of a Kubernetes Status; other failures are told on stderr.</summary>
    internal static int ExitCode(byte[] status)
    {
        try
        {
            using var json = JsonDocument.Parse(status);
            var root = json.RootElement;
            if (root.GetProperty("status").GetString() == "Success") return 0;
            foreach (var cause in root.GetProperty("details").GetProperty("causes").EnumerateArray())
            {
                if (cause.TryGetProperty("reason", out var reason) && reason.GetString() == "ExitCode")
                    return int.Parse(cause.GetProperty("message").GetString()!, CultureInfo.InvariantCulture);
            }

            Console.Error.WriteLine($"shimctl: {root.GetProperty("message").GetString()}");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or FormatException)
        {
            Console.Error.WriteLine($"shimctl: the stream ended without a status {Encoding.UTF8.GetString(status)}");
        }

        return 1;
    }

    private async Task PumpStdinAsync(CancellationToken cancellation)
    {
        var buffer = new byte[32 * 1024];
        try
        {
            await using var input = Console.OpenStandardInput();
            int count;
            while ((count = await input.ReadAsync(buffer, cancellation)) > 0) await channels.SendAsync(StdinChannel, buffer.AsMemory(0, count), cancellation);
            await channels.EndAsync(StdinChannel, cancellation);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The other end has gone; the reader of the socket says why.
        }
    }

    private async Task SendSizeAsync(CancellationToken cancellation)
    {
        if (RawTerminal.Size is not var (columns, rows)) return;
        var size = string.Create(CultureInfo.InvariantCulture, $"{{\"Width\":{columns},\"Height\":{rows}}}\n");
        try
        {
            await channels.SendAsync(ResizeChannel, Encoding.ASCII.GetBytes(size), cancellation);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // As above.
        }
    }
}
