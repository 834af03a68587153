using System.Net.Sockets;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Linux;
using Tmds.Linux;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class ListeningSocketTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("shimruntime-test-").FullName;

    private string SocketPath => Path.Combine(_directory, "below/cri.sock");

    [Fact]
    public void It_listens_for_root_and_its_group_and_unlinks_at_the_end()
    {
        using (ListeningSocket.Bind(SocketPath))
        {
            Assert.True(ListeningSocket.IsServed(SocketPath));
            Assert.Equal("660", Convert.ToString((int)File.GetUnixFileMode(SocketPath), 8));
            using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            client.Connect(new UnixDomainSocketEndPoint(SocketPath));
        }

        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    public void One_that_is_handed_over_serves_on_and_keeps_its_path()
    {
        using var old = ListeningSocket.Bind(SocketPath);
        using (var next = ListeningSocket.Adopt(FileDescriptor.Duplicate(old.Fd), SocketPath)) Assert.NotEqual(old.Fd, next.Fd);
        Assert.True(ListeningSocket.IsServed(SocketPath));
        Assert.Throws<RuntimeFault>(() => ListeningSocket.Adopt(FileDescriptor.Duplicate(old.Fd), "/run/other.sock"));
        var pipe = FileDescriptor.CreatePipe();
        Assert.Throws<RuntimeFault>(() => ListeningSocket.Adopt(pipe.Read, SocketPath));
        var write = pipe.Write;
        FileDescriptor.Close(ref write);
        File.Delete(SocketPath);
        Assert.Throws<RuntimeFault>(() => ListeningSocket.Adopt(FileDescriptor.Duplicate(old.Fd), SocketPath));
    }

    [Fact]
    public void A_path_that_a_dead_daemon_left_is_taken_over()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(SocketPath)!);
        Leave(SocketPath);
        Assert.True(File.Exists(SocketPath));
        Assert.False(ListeningSocket.IsServed(SocketPath));
        using var taken = ListeningSocket.Bind(SocketPath);
        Assert.True(ListeningSocket.IsServed(SocketPath));
    }

    [Fact]
    public void A_live_one_is_refused_and_goes_on()
    {
        using var first = ListeningSocket.Bind(SocketPath);
        var error = Assert.Throws<RuntimeFault>(() => ListeningSocket.Bind(SocketPath));
        Assert.Contains("another process serves there", error.Message, StringComparison.Ordinal);
        Assert.True(ListeningSocket.IsServed(SocketPath));
    }

    [Theory]
    [InlineData("file")]
    [InlineData("directory")]
    [InlineData("link")]
    public void What_is_no_socket_is_refused_and_left_alone(string kind)
    {
        var path = Path.Combine(_directory, "cri.sock");
        if (kind == "file") File.WriteAllText(path, "precious");
        else if (kind == "directory") Directory.CreateDirectory(path);
        else File.CreateSymbolicLink(path, "/nowhere");
        var error = Assert.Throws<RuntimeFault>(() => ListeningSocket.Bind(path));
        Assert.Contains("something that is no socket is there", error.Message, StringComparison.Ordinal);
        Assert.NotNull(kind == "link" ? new FileInfo(path).LinkTarget : path);
        Assert.True(kind == "link" || Path.Exists(path));
    }

    public void Dispose() => Directory.Delete(_directory, true);

    /// <summary>A bound path whose socket is closed, as after kill -9. (.NET's own sockets unlink it when they are disposed.)</summary>
    private static unsafe void Leave(string path)
    {
        var address = new sockaddr_un { sun_family = LibC.AF_UNIX };
        for (var i = 0; i < path.Length; i++) address.sun_path[i] = (byte)path[i];
        var fd = LibC.socket(LibC.AF_UNIX, LibC.SOCK_STREAM, 0);
        Assert.Equal(0, LibC.bind(fd, (sockaddr*)&address, sizeof(sockaddr_un)));
        Assert.Equal(0, LibC.close(fd));
    }
}
