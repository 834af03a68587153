using Xunit;

namespace ShimRuntime.Linux.Tests.Processes;

public class PidFdTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void Once_disposed_it_reaches_nobody_whoever_has_its_number_by_then()
    {
        using var sleeper = Sleeper();
        var gone = SafePidFd.TryOpen(sleeper.Pid)!;
        gone.Dispose();
        using var next = SafePidFd.TryOpen(sleeper.Pid)!; // gets the lowest free number, in a quiet process the same
        Assert.Throws<ObjectDisposedException>(() => gone.Signal(9));
        Assert.Throws<ObjectDisposedException>(() => gone.TryReap());
        Assert.Throws<ObjectDisposedException>(() => gone.Fd);
        Assert.Null(sleeper.PidFd.TryReap());
        End(sleeper);
    }

    [Fact]
    public async Task Waits_that_are_given_up_take_no_other_wait_with_them()
    {
        using var watcher = new ExitWatcher();
        using var sleeper = Sleeper();
        using var patience = new CancellationTokenSource(Patience);
        for (var i = 0; i < 100; i++)
        {
            using var child = Spawner.Spawn(new SpawnRequest { Path = "/bin/true", Arguments = ["true"] });
            using var given = new CancellationTokenSource();
            var waits = Enumerable.Range(0, 8).Select(n => watcher.WaitAsync(n % 2 == 0 ? sleeper.PidFd : child.PidFd, given.Token)).ToList();
            given.CancelAfter(TimeSpan.FromMicroseconds(i * 50));
            Assert.Equal(0, (await watcher.ReapAsync(child, patience.Token)).Code);
            await Task.WhenAll(waits).ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(Patience);
        }

        End(sleeper);
    }

    private static SpawnedProcess Sleeper() => Spawner.Spawn(new SpawnRequest { Path = "/bin/sleep", Arguments = ["sleep", "60"] });

    private static void End(SpawnedProcess process)
    {
        process.PidFd.Signal(9);
        Assert.True(SpinWait.SpinUntil(() => process.PidFd.TryReap() is not null, Patience));
    }
}
