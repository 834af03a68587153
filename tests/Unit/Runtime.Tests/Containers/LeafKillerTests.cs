using System.Diagnostics;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public sealed class LeafKillerTests
{
    /// <summary>As a runc leaves it that is killed while it moves its init in.</summary>
    [Fact]
    public async Task A_process_in_one_hierarchy_alone_is_ended_too()
    {
        var hierarchy = CgroupHierarchy.Detect();
        var cgroup = new Cgroup(hierarchy, $"/srt-killer-{Guid.NewGuid():N}");
        cgroup.Create();
        using var sleeper = Process.Start("sleep", "1000");
        try
        {
            await File.WriteAllTextAsync($"{cgroup.DirectoryOf("memory")}/cgroup.procs", $"{sleeper.Id}");
            await new LeafKiller(hierarchy).KillAsync(cgroup.Path, CancellationToken.None);
            Assert.True(cgroup.TryRemove());
        }
        finally
        {
            sleeper.Kill();
            await sleeper.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10));
            cgroup.TryRemove();
        }
    }
}
