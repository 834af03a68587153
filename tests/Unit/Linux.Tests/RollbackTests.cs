using Xunit;

namespace ShimRuntime.Linux.Tests;

public sealed class RollbackTests
{
    [Fact]
    public async Task A_step_that_ignores_its_token_is_given_up_and_the_others_are_still_undone()
    {
        var (reported, undone) = (new List<string>(), false);
        var never = new TaskCompletionSource();
        var rollback = new Rollback((step, _) => reported.Add(step), TimeSpan.FromMilliseconds(50));
        rollback.Push("first", () => undone = true);
        rollback.Push("deaf", _ => new ValueTask(never.Task));
        rollback.Push("broken", () => throw new IOException("no"));
        await rollback.DisposeAsync();
        Assert.Equal(["broken", "deaf"], reported);
        Assert.True(undone);
        Assert.False(rollback.Clean);
    }

    [Fact]
    public async Task What_is_committed_stays()
    {
        var rollback = new Rollback((_, _) => { });
        rollback.Push("never", () => throw new IOException("no"));
        rollback.Commit();
        await rollback.DisposeAsync();
        Assert.True(rollback.Clean);
    }
}
