using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public class ContainerStoreTests
{
    private readonly ContainerStore _store = new();

    public ContainerStoreTests()
    {
        _store.Add(TestContainers.Entry('a'));
        var running = TestContainers.Record("a" + TestContainers.Id('b')[1..], ContainerPhase.Running);
        _store.Add(new ContainerEntry(running, TestContainers.Request("other")));
        _store.Add(TestContainers.Entry('c', ContainerPhase.Creating));
    }

    [Theory]
    [InlineData("aa")]
    [InlineData("aaaaaaaaaaaaaaaa")]
    public void An_unambiguous_prefix_finds(string prefix) => Assert.Equal(TestContainers.Id('a'), _store.Get(prefix, "test").Id);

    [Theory]
    [InlineData("a", FaultCode.InvalidArgument)]
    [InlineData("", FaultCode.InvalidArgument)]
    [InlineData("d", FaultCode.NotFound)]
    [InlineData("ab ", FaultCode.NotFound)]
    public void Anything_else_has_its_code(string id, FaultCode code)
    {
        Assert.Null(_store.Find(id));
        Assert.Equal(code, Assert.Throws<RuntimeFault>(() => _store.Get(id, "test")).Code);
    }

    [Fact]
    public void Filters_need_every_field_and_never_show_what_is_being_created()
    {
        Assert.Equal(2, Count(new ContainerFilter()));
        Assert.Equal(1, Count(new ContainerFilter { Id = "aa" }));
        Assert.Equal(0, Count(new ContainerFilter { Id = "aa", PodSandboxId = "e" }));
        Assert.Equal(2, Count(new ContainerFilter { PodSandboxId = "ff" }));
        Assert.Equal(1, Count(new ContainerFilter { State = new ContainerStateValue { State = ContainerState.ContainerRunning } }));
        Assert.Equal(1, Count(new ContainerFilter { LabelSelector = { ["app"] = "other" } }));
        Assert.Equal(0, Count(new ContainerFilter { LabelSelector = { ["app"] = "other", ["tier"] = "x" } }));
        Assert.Equal(0, Count(new ContainerFilter { Id = "c" }));

        int Count(ContainerFilter filter) => _store.All().Count(e => ContainerFilters.Matches(e, filter));
    }
}
