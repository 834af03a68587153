using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public class ContainerEntryTests
{
    [Fact]
    public void A_refused_event_is_a_failed_precondition_and_changes_nothing()
    {
        var entry = TestContainers.Entry('a', ContainerPhase.Running);
        var before = entry.Record;
        var fault = Assert.Throws<RuntimeFault>(() => entry.Advance(ContainerEvent.StartRequested, "start"));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains("running", fault.Message, StringComparison.Ordinal);
        Assert.Same(before, entry.Record);
    }

    [Fact]
    public void The_first_end_wins()
    {
        var entry = TestContainers.Entry('a', ContainerPhase.Running);
        Assert.True(entry.End(new ContainerExit { Code = 3, Reason = "Error" }));
        Assert.False(entry.End(new ContainerExit { Code = 137, Reason = "ShimLost" }));
        Assert.Equal(3, entry.Record.Exit!.Code);
        Assert.True(entry.Ended.IsCompletedSuccessfully);
        Assert.Equal(0, entry.Record.Pid);
    }

    [Fact]
    public void A_start_that_runc_refused_starts_and_ends_at_one_time()
    {
        var entry = TestContainers.Entry('a', ContainerPhase.Starting);
        entry.End(new ContainerExit { Code = 128, Reason = "StartError", StartedAtNanos = 7, FinishedAtNanos = 7 });
        Assert.Equal(7, entry.Record.StartedAtNanos);
        Assert.Equal(7, entry.Record.Exit!.FinishedAtNanos);
    }
}
