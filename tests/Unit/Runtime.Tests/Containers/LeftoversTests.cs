using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public sealed class LeftoversTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("shimruntime-left-").FullName;

    public void Dispose() => Directory.Delete(_root, true);

    [Theory]
    [InlineData(64)]
    [InlineData(16)] // all that the run directory of an orphan tells
    public void Run_directory_and_runcs_state_go_by_the_id_or_its_beginning(int digits)
    {
        var paths = new ContainerPaths(new RuntimeOptions { Root = _root, State = Path.Combine(_root, "state"), ShimPath = "/none" });
        new ContainerFiles(paths).MakeRoots();
        var (id, other) = (TestContainers.Id('a'), TestContainers.Id('b'));
        foreach (var made in new[] { id, other })
        {
            Directory.CreateDirectory(Path.Combine(paths.Run(made), "g1"));
            Directory.CreateDirectory(Path.Combine(paths.RuncRoot, $"{made}.g1"));
        }

        var hierarchy = CgroupHierarchy.Detect();
        new Leftovers(paths, null!, null!, new LeafKiller(hierarchy), NullLogger<Leftovers>.Instance).RemoveRun(id[..digits]);
        Assert.Equal([paths.Run(other)], Directory.EnumerateDirectories(paths.AllVolatile));
        Assert.Equal([Path.Combine(paths.RuncRoot, $"{other}.g1")], Directory.EnumerateDirectories(paths.RuncRoot));
    }
}
