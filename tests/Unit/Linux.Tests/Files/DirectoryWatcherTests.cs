using Xunit;

namespace ShimRuntime.Linux.Tests;

public class DirectoryWatcherTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task What_is_written_renamed_and_deleted_is_told_to_all_who_watch()
    {
        using var directory = new TempDirectory();
        using var watcher = new DirectoryWatcher();
        using SemaphoreSlim one = new(0), two = new(0);
        using var first = watcher.Add(directory.Path, () => one.Release());
        using var second = watcher.Add(directory.Path, () => two.Release());
        var file = Path.Combine(directory.Path, "a");
        foreach (var change in (Action[])[() => File.WriteAllText(file, "x"), () => File.Move(file, $"{file}b"), () => File.Delete($"{file}b")])
        {
            while (one.Wait(TimeSpan.Zero) || two.Wait(TimeSpan.Zero)) { }
            change();
            Assert.True(await one.WaitAsync(Patience) && await two.WaitAsync(Patience));
            await Task.Delay(50); // what belongs to the same change
        }
    }

    [Fact]
    public async Task A_watch_that_ended_is_told_nothing_and_the_others_are()
    {
        using var directory = new TempDirectory();
        using var watcher = new DirectoryWatcher();
        using SemaphoreSlim told = new(0);
        var calls = 0;
        var ended = watcher.Add(directory.Path, () => Interlocked.Increment(ref calls));
        using var stays = watcher.Add(directory.Path, () => told.Release());
        ended.Dispose();
        ended.Dispose();
        File.WriteAllText(Path.Combine(directory.Path, "a"), "x");
        Assert.True(await told.WaitAsync(Patience));
        Assert.Equal(0, calls);
    }

    [Fact]
    public async Task A_directory_that_goes_is_told_and_can_be_watched_again()
    {
        using var directory = new TempDirectory();
        using var watcher = new DirectoryWatcher();
        using SemaphoreSlim told = new(0);
        var watched = directory.Make("d");
        using var gone = watcher.Add(watched, () => told.Release());
        Directory.Delete(watched);
        Assert.True(await told.WaitAsync(Patience));
        Assert.Throws<LinuxException>(() => watcher.Add(watched, () => { }));
        directory.Make("d");
        using var again = watcher.Add(watched, () => told.Release());
        File.WriteAllText(Path.Combine(watched, "a"), "x");
        Assert.True(await told.WaitAsync(Patience));
    }

    [Fact]
    public void It_ends_with_and_without_watches()
    {
        var before = OpenCount();
        for (var i = 0; i < 20; i++)
        {
            using var idle = new DirectoryWatcher();
            using var busy = new DirectoryWatcher();
            busy.Add("/", () => { });
        }

        Assert.True(SpinWait.SpinUntil(() => OpenCount() <= before + 2, Patience), $"{OpenCount()} descriptors, {before} before");
    }

    private static int OpenCount() => Directory.GetFileSystemEntries("/proc/self/fd").Count(f => new FileInfo(f).LinkTarget is { } t && (t.Contains("inotify") || t.Contains("eventfd")));
}
