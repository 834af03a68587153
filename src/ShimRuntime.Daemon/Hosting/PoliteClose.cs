using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// Closes connections so that no client fails a call over it. Kestrel sends GOAWAY and closes at once: a client that is just writing gets EPIPE
/// instead of reading that word. So what a connection still brings is read for a moment, or until its client ends it. And a GOAWAY as the very first
/// frame (a connection that was accepted and never read) is an error to clients, whom RFC 9113, 3.4 promises SETTINGS first.
/// </summary>
internal static class PoliteClose
{
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(50);

    public static ConnectionDelegate Around(ConnectionDelegate next) => async connection =>
    {
        var transport = connection.Transport;
        connection.Transport = new Pair(new LastingReader(transport.Input), new SettingsFirstWriter(transport.Output));
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = transport;
            await LingerAsync(transport, connection.ConnectionClosed);
        }
    };

    private static async Task LingerAsync(IDuplexPipe transport, CancellationToken closed)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(closed);
        deadline.CancelAfter(Longest);
        try
        {
            await transport.Output.FlushAsync(deadline.Token);
            while (true)
            {
                var read = await transport.Input.ReadAsync(deadline.Token);
                transport.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted) return;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The time is over, or the connection is: what was to be said has been.
        }
    }

    private sealed record Pair(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>Completed by nobody but the connection itself.</summary>
    private sealed class LastingReader(PipeReader inner) : PipeReader
    {
        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null)
        {
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => inner.ReadAsync(cancellationToken);

        public override bool TryRead(out ReadResult result) => inner.TryRead(out result);
    }
}
