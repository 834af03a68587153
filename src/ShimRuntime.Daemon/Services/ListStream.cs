using Google.Protobuf;
using Grpc.Core;

namespace ShimRuntime.Daemon.Services;

/// <summary>
/// The Stream* lists: items of one list, each once, in messages far below the 16 MiB that a client takes. The list is walked as the client
/// reads; a client that goes away ends the walk.
/// </summary>
internal static class ListStream
{
    /// <summary>A message is sent once it has as much as this; the last item may go beyond, and no item has more than a request can bring.</summary>
    public const int MessageBytes = 1024 * 1024;

    /// <summary>gRPC's overhead a message is small beside this many items.</summary>
    public const int MessageItems = 1000;

    public static async Task WriteAsync<TItem, TResponse>(
        IEnumerable<TItem> items, IServerStreamWriter<TResponse> stream, Func<IEnumerable<TItem>, TResponse> pack, CancellationToken client)
        where TItem : IMessage
    {
        var batch = new List<TItem>();
        var bytes = 0L;
        foreach (var item in items)
        {
            client.ThrowIfCancellationRequested();
            batch.Add(item);
            bytes += item.CalculateSize();
            if (bytes < MessageBytes && batch.Count < MessageItems) continue;
            await stream.WriteAsync(pack(batch), client);
            batch.Clear();
            bytes = 0;
        }

        if (batch.Count > 0) await stream.WriteAsync(pack(batch), client);
    }
}
