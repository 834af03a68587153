using Xunit;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux.Tests.Epoll;

public class EpollLoopTests
{
    [Fact]
    public void Timers_fire_once_in_order_and_not_when_cleared()
    {
        using var loop = new EpollLoop(e => throw e);
        var seen = new List<string>();
        var cleared = loop.CreateTimer(() => seen.Add("cleared"));
        loop.CreateTimer(() => seen.Add("second")).Set(TimeSpan.FromMilliseconds(40));
        loop.CreateTimer(() =>
        {
            seen.Add("first");
            cleared.Clear();
        }).Set(TimeSpan.FromMilliseconds(10));
        cleared.Set(TimeSpan.FromMilliseconds(25));
        loop.CreateTimer(loop.Stop).Set(TimeSpan.FromMilliseconds(80));
        loop.Run();
        Assert.Equal(["first", "second"], seen);
    }

    [Fact]
    public void A_descriptor_removed_and_reused_gets_no_event_of_its_predecessor()
    {
        using var loop = new EpollLoop(e => throw e);
        var (a, b) = (FileDescriptor.CreatePipe(), FileDescriptor.CreatePipe());
        var calls = 0;
        var late = new Handler(() => throw new InvalidOperationException("an event of a descriptor that was closed"));
        var closer = new Handler(() =>
        {
            calls++;
            foreach (var read in (ReadOnlySpan<int>)[a.Read, b.Read])
            {
                loop.Remove(read);
                var fd = read;
                FileDescriptor.Close(ref fd);
            }

            var fresh = FileDescriptor.CreatePipe(); // takes the numbers just closed
            loop.Add(fresh.Read, (uint)EPOLLIN, late);
            loop.Stop();
        });
        loop.Add(a.Read, (uint)EPOLLIN, closer);
        loop.Add(b.Read, (uint)EPOLLIN, closer);
        foreach (var write in (ReadOnlySpan<int>)[a.Write, b.Write])
        {
            var fd = write;
            FileDescriptor.Close(ref fd);
        }

        loop.Run();
        Assert.Equal(1, calls);
    }

    [Fact]
    public void A_handler_that_throws_is_reported_and_watched_no_more()
    {
        var reported = new List<Exception>();
        using var loop = new EpollLoop(reported.Add);
        var pipe = FileDescriptor.CreatePipe();
        loop.Add(pipe.Read, (uint)EPOLLIN, new Handler(() => throw new InvalidDataException("x")));
        var write = pipe.Write;
        FileDescriptor.Close(ref write);
        loop.CreateTimer(loop.Stop).Set(TimeSpan.FromMilliseconds(50));
        loop.Run();
        Assert.IsType<InvalidDataException>(Assert.Single(reported));
    }

    private sealed class Handler(Action onReady) : IEpollHandler
    {
        public void OnReady(uint events) => onReady();
    }
}
