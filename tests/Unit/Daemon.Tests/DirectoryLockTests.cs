using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class DirectoryLockTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("shimruntime-test-").FullName;

    [Fact]
    public void A_second_daemon_is_refused_with_the_firsts_pid()
    {
        using var first = DirectoryLock.Take(_directory, "--root");
        var error = Assert.Throws<RuntimeFault>(() => DirectoryLock.Take(_directory, "--root"));
        Assert.Equal(FaultCode.FailedPrecondition, error.Code);
        Assert.Contains($"pid {Environment.ProcessId} serves from it", error.Message, StringComparison.Ordinal);
        Assert.Contains("another --root", error.Message, StringComparison.Ordinal);
        Assert.Equal($"{Environment.ProcessId}", DirectoryLock.Holder(_directory));
    }

    [Fact]
    public void A_lock_that_was_let_go_is_free_though_its_file_stays()
    {
        DirectoryLock.Take(_directory, "--root").Dispose();
        Assert.True(File.Exists(Path.Combine(_directory, DirectoryLock.FileName)));
        Assert.Null(DirectoryLock.Holder(_directory));
        DirectoryLock.Take(_directory, "--root").Dispose();
    }

    /// <summary>flock(2) belongs to the open file: a child that inherited it would keep a dead daemon's lock.</summary>
    [Fact]
    public void A_child_does_not_hold_it()
    {
        var held = DirectoryLock.Take(_directory, "--state");
        using var child = Spawner.Spawn(new SpawnRequest { Path = "/bin/sleep", Arguments = ["sleep", "30"] });
        held.Dispose();
        Assert.Null(DirectoryLock.Holder(_directory));
        child.PidFd.Signal(9);
        while (child.PidFd.TryReap() is null) Thread.Yield();
    }

    public void Dispose() => Directory.Delete(_directory, true);
}
