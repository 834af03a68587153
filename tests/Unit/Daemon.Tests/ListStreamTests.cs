using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Daemon.Services;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public class ListStreamTests
{
    private readonly List<StreamContainersResponse> _sent = [];

    [Fact]
    public async Task Ten_thousand_items_come_each_once_in_messages_of_bounded_size()
    {
        await WriteAsync(Enumerable.Range(0, 10_000).Select(i => Item(i, 4096)), CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 10_000).Select(i => $"{i}"), _sent.SelectMany(m => m.Containers).Select(c => c.Id));
        Assert.All(_sent, m => Assert.InRange(m.CalculateSize(), 1, ListStream.MessageBytes + 8192));
    }

    [Fact]
    public async Task Small_items_are_counted()
    {
        await WriteAsync(Enumerable.Range(0, 2500).Select(i => Item(i, 0)), CancellationToken.None);
        Assert.Equal([ListStream.MessageItems, ListStream.MessageItems, 500], _sent.Select(m => m.Containers.Count));
    }

    [Fact]
    public async Task An_item_larger_than_a_message_goes_alone()
    {
        await WriteAsync([Item(0, 3 * ListStream.MessageBytes), Item(1, 10)], CancellationToken.None);
        Assert.Equal([1, 1], _sent.Select(m => m.Containers.Count));
    }

    [Fact]
    public async Task An_empty_list_is_no_message()
    {
        await WriteAsync([], CancellationToken.None);
        Assert.Empty(_sent);
    }

    [Fact]
    public async Task A_client_that_goes_away_ends_the_walk()
    {
        using var client = new CancellationTokenSource();
        var walked = 0;
        var items = Enumerable.Range(0, 10_000).Select(i =>
        {
            if (++walked == 1500) client.Cancel();
            return Item(i, 0);
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => WriteAsync(items, client.Token));
        Assert.Equal(1500, walked);
    }

    private Task WriteAsync(IEnumerable<Container> items, CancellationToken client) =>
        ListStream.WriteAsync(items, new Writer(_sent), batch => new StreamContainersResponse { Containers = { batch } }, client);

    private static Container Item(int number, int bytes) => new() { Id = $"{number}", Labels = { ["l"] = new string('x', bytes) } };

    private sealed class Writer(List<StreamContainersResponse> sent) : IServerStreamWriter<StreamContainersResponse>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(StreamContainersResponse message)
        {
            sent.Add(message);
            return Task.CompletedTask;
        }

        public Task WriteAsync(StreamContainersResponse message, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return WriteAsync(message);
        }
    }
}
