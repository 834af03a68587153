using System.Net;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Sockets;
using Xunit;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Tests.Sockets;

/// <summary>With the kernel's own filter: this process is both the container and the shim.</summary>
public sealed class BindAdopterTests : IDisposable
{
    private readonly EpollLoop _loop = new(e => throw e);
    private readonly HeldListeners _held = new();
    private readonly SocketRig _rig = new();

    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("::1", false)]
    [InlineData("::1", true)]
    public void ABindOfAHeldAddressGetsTheListener(string address, bool isV6Only)
    {
        var listener = _rig.Listen(IPAddress.Parse(address), isV6Only);
        var own = _rig.Socket(IPAddress.Parse(address), isV6Only, SOCK_CLOEXEC);
        Assert.Equal(0, Adopt(() => _rig.Bind(own, listener.Endpoint)));
        Assert.Equal(SocketFacts.Of(listener.Fd).Inode, SocketFacts.Of(own).Inode);
        Assert.NotEqual(0, _rig.DescriptorFlags(own) & FD_CLOEXEC);
        using var client = SocketRig.Connect(listener.Endpoint);
        Assert.True(_rig.Accept(own) >= 0);
    }

    [Fact]
    public void WithoutCloseOnExecItStaysWithout()
    {
        var listener = _rig.Listen(IPAddress.Loopback);
        var own = _rig.Socket(IPAddress.Loopback, false, 0);
        Assert.Equal(0, Adopt(() => _rig.Bind(own, listener.Endpoint)));
        Assert.Equal(0, _rig.DescriptorFlags(own) & FD_CLOEXEC);
    }

    [Fact]
    public void TheSecondHalfOfABindThatASignalCutIsAnsweredToo()
    {
        var listener = _rig.Listen(IPAddress.Loopback);
        var own = _rig.Duplicate(listener.Fd);
        Assert.Equal(0, Adopt(() => _rig.Bind(own, listener.Endpoint)));
        Assert.Equal(SocketFacts.Of(listener.Fd).Inode, SocketFacts.Of(own).Inode);
    }

    [Fact]
    public void AnotherPortIsTheKernelsAffair()
    {
        _rig.Listen(IPAddress.Loopback);
        var own = _rig.Socket(IPAddress.Loopback, false, 0);
        Assert.Equal(0, Adopt(() => _rig.Bind(own, new IPEndPoint(IPAddress.Loopback, 0))));
        Assert.False(SocketFacts.Of(own).IsListening);
    }

    [Fact]
    public void AnotherAddressTypeOrV6OnlyIsNoMatch()
    {
        var listener = _rig.Listen(IPAddress.IPv6Any, true);
        var any = _rig.Socket(IPAddress.IPv6Any, false, 0);
        var datagrams = _rig.Datagrams(IPAddress.IPv6Any);
        var v4 = _rig.Socket(IPAddress.Any, false, 0);
        var result = Adopt(() =>
        {
            // The kernel refuses the first, whose IPv6 half is taken, and grants the others.
            var first = _rig.Bind(any, listener.Endpoint);
            return first == -1 && _rig.Bind(datagrams, listener.Endpoint) == 0
                && _rig.Bind(v4, new IPEndPoint(IPAddress.Any, listener.Endpoint.Port)) == 0 ? 0 : 1;
        });
        Assert.Equal(0, result);
    }

    [Fact]
    public void EachOfAGroupGetsOneOfItsOwn()
    {
        var first = _rig.Listen(IPAddress.Loopback, sharesPort: true);
        var second = _rig.Listen(IPAddress.Loopback, first.Endpoint.Port, sharesPort: true);
        var own = new[] { _rig.Socket(IPAddress.Loopback, false, 0), _rig.Socket(IPAddress.Loopback, false, 0) };
        Assert.Equal(0, Adopt(() => _rig.Bind(own[0], first.Endpoint) + _rig.Bind(own[1], first.Endpoint)));
        var expected = new[] { first.Fd, second.Fd }.Select(fd => SocketFacts.Of(fd).Inode).Order();
        Assert.Equal(expected, own.Select(fd => SocketFacts.Of(fd).Inode).Order());
    }

    [Fact]
    public void WhatNobodyAskedForIsMissing()
    {
        var first = _rig.Listen(IPAddress.Loopback);
        var second = _rig.Listen(IPAddress.Loopback);
        var own = _rig.Socket(IPAddress.Loopback, false, 0);
        IReadOnlyList<ulong> missing = [];
        Adopt(() => _rig.Bind(own, first.Endpoint), a => missing = [.. a.Missing.Select(l => l.Facts.Inode)]);
        Assert.Contains(SocketFacts.Of(second.Fd).Inode, missing);
        Assert.DoesNotContain(SocketFacts.Of(first.Fd).Inode, missing);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AUnixListenerComesWithItsName(bool unlinks)
    {
        var path = _rig.File("s");
        var listener = _rig.ListenAt(path);
        var own = _rig.UnixSocket();
        Assert.Equal(0, Adopt(() =>
        {
            if (unlinks) File.Delete(path);
            return _rig.BindAt(own, path);
        }));
        Assert.Equal(SocketFacts.Of(listener).Inode, SocketFacts.Of(own).Inode);
        Assert.True(_rig.CanConnect(path));
        File.Delete(path);
        _held.PutNamesBack();
        Assert.True(_rig.CanConnect(path));
        _held.Dispose();
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void APathThatLeadsElsewhereIsNoMatch()
    {
        var path = _rig.File("s");
        _rig.ListenAt(path);
        var other = _rig.File("other/s");
        var own = _rig.UnixSocket();
        Assert.Equal(0, Adopt(() => _rig.BindAt(own, other)));
        Assert.True(File.Exists(other));
    }

    [Fact]
    public void AbstractNamesAreHandedOnToo()
    {
        var name = $"\0shimruntime-test-{Guid.NewGuid():N}";
        var listener = _rig.ListenAt(name);
        var own = _rig.UnixSocket();
        Assert.Equal(0, Adopt(() => _rig.BindAt(own, name)));
        Assert.Equal(SocketFacts.Of(listener).Inode, SocketFacts.Of(own).Inode);
    }

    [Fact]
    public void WhatWaitsInTheQueueIsAnsweredByTheNextOwner()
    {
        var listener = _rig.Listen(IPAddress.Loopback);
        using var waiting = SocketRig.Connect(listener.Endpoint);
        var own = _rig.Socket(IPAddress.Loopback, false, 0);
        Adopt(() => _rig.Bind(own, listener.Endpoint), a => _rig.Close(listener.Fd));
        Assert.True(_rig.Accept(own) >= 0);
    }

    [Fact]
    public void WhatOnlyReceivesIsNamedAsUnfit()
    {
        var datagrams = _rig.Datagrams(IPAddress.Loopback);
        _rig.Bind(datagrams, new IPEndPoint(IPAddress.Loopback, 0));
        _held.TakeFrom(Environment.ProcessId);
        Assert.Contains(_held.Unfit, u => u.StartsWith($"udp:{SocketFacts.Of(datagrams).Address!.Value.Endpoint} ", StringComparison.Ordinal));
    }

    public void Dispose()
    {
        _held.Dispose();
        _rig.Dispose();
        _loop.Dispose();
    }

    private int Adopt(Func<int> bind, Action<BindAdopter>? afterwards = null)
    {
        _held.TakeFrom(Environment.ProcessId);
        var result = -100;
        using var thread = new FilteredThread(() => result = bind());
        using var adopter = new BindAdopter(_loop, thread.Notify, _held);
        thread.RunUntilDone(_loop);
        afterwards?.Invoke(adopter);
        return result;
    }
}
