using ShimRuntime.Cli.Swapping;
using Xunit;

namespace ShimRuntime.Cli.Tests;

public sealed class ChangeWatchTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly string _directory = Directory.CreateTempSubdirectory("shimruntime-").FullName;

    [Fact]
    public async Task A_burst_below_a_directory_is_one_change()
    {
        using var watch = new ChangeWatch(_directory, TimeSpan.FromMilliseconds(500));
        var first = watch.ChangedAsync(CancellationToken.None);
        Directory.CreateDirectory(Path.Combine(_directory, "deep"));
        for (var i = 0; i < 50; i++) File.WriteAllText(Path.Combine(_directory, "deep", $"{i}"), "x");
        await first.WaitAsync(Patience);
        var second = watch.ChangedAsync(CancellationToken.None);
        Assert.NotSame(second, await Task.WhenAny(second, Task.Delay(1000)));
        File.Delete(Path.Combine(_directory, "deep", "7"));
        await second.WaitAsync(Patience);
    }

    [Fact]
    public async Task Of_a_file_only_its_own_changes_count_and_its_replacement_does()
    {
        var file = Path.Combine(_directory, "app");
        File.WriteAllText(file, "1");
        using var watch = new ChangeWatch(file, TimeSpan.FromMilliseconds(100));
        var changed = watch.ChangedAsync(CancellationToken.None);
        File.WriteAllText(Path.Combine(_directory, "other"), "x");
        Assert.NotSame(changed, await Task.WhenAny(changed, Task.Delay(500)));
        File.Move(Path.Combine(_directory, "other"), file, true); // as a linker or an editor puts it there
        await changed.WaitAsync(Patience);
    }

    [Fact]
    public void What_is_not_there_is_refused() =>
        Assert.Contains("no such", Assert.Throws<UsageException>(() => new ChangeWatch(Path.Combine(_directory, "no"), default)).Message, StringComparison.Ordinal);

    public void Dispose() => Directory.Delete(_directory, true);
}
