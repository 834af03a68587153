using System.Threading.Channels;

namespace ShimRuntime.Images;

/// <summary>How background work waits for somebody to ask for it, or for the time to look by itself.</summary>
internal static class Requests
{
    /// <summary>True: there is a request, or <paramref name="longest"/> is over; false: there will be none any more.</summary>
    /// <param name="longest"><see cref="Timeout.InfiniteTimeSpan"/>: there is nothing to do unasked.</param>
    /// <exception cref="OperationCanceledException">By <paramref name="stop"/>.</exception>
    public static async Task<bool> NextAsync<T>(ChannelReader<T> requests, TimeSpan longest, CancellationToken stop)
    {
        using var until = CancellationTokenSource.CreateLinkedTokenSource(stop);
        until.CancelAfter(longest);
        try
        {
            return await requests.WaitToReadAsync(until.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return true;
        }
    }
}
