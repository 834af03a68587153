using Xunit;

namespace ShimRuntime.Linux.Tests.Cgroups;

public sealed class CgroupTests : IDisposable
{
    private readonly TempDirectory _mount = new();

    public void Dispose() => _mount.Dispose();

    [Fact]
    public async Task Cgroups_that_come_and_go_meanwhile_are_passed_over()
    {
        var hierarchy = CgroupHierarchy.Parse($"32 31 0:29 / {_mount.Path} rw - cgroup cgroup rw,freezer\n");
        _mount.Make("leaf");
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        var churn = Task.Run(() =>
        {
            while (!end.IsCancellationRequested)
            {
                for (var n = 0; n < 20; n++) _mount.Make($"leaf/{n}/below");
                for (var n = 0; n < 20; n++) Directory.Delete(Path.Combine(_mount.Path, $"leaf/{n}"), true);
            }
        });
        var leaf = new Cgroup(hierarchy, "/leaf");
        while (!end.IsCancellationRequested) Assert.Empty(leaf.Processes());
        await churn;
    }
}
