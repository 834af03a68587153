using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public class PidTargetTests
{
    private readonly ContainerStore _store = new();

    [Fact]
    public void A_target_that_runs_gives_its_pid_and_one_that_has_ended_gives_none_to_a_start()
    {
        var target = Add('a', TestContainers.Record(TestContainers.Id('a'), ContainerPhase.Running) with { Pid = 42 });
        var debugger = Debugger(target.Id);
        Assert.Equal(42, PidTarget.Of(debugger, _store, "create"));
        target.End(new ContainerExit { Code = 0, Reason = "Completed" });
        var fault = Assert.Throws<RuntimeFault>(() => PidTarget.Of(debugger, _store, "start"));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains("is exited", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_target_of_another_pod_is_none()
    {
        var record = TestContainers.Record(TestContainers.Id('a'), ContainerPhase.Running) with { Pid = 42, SandboxId = TestContainers.Id('0') };
        var target = Add('a', record);
        Assert.Equal(FaultCode.NotFound, Assert.Throws<RuntimeFault>(() => PidTarget.Of(Debugger(target.Id), _store, "create")).Code);
        Assert.Equal(0, PidTarget.Of(TestContainers.Entry('c'), _store, "create"));
    }

    private ContainerEntry Add(char digit, ContainerRecord record)
    {
        var entry = new ContainerEntry(record, TestContainers.Request($"web{digit}"));
        _store.Add(entry);
        return entry;
    }

    private static ContainerEntry Debugger(string targetId)
    {
        var request = TestContainers.Request("debugger");
        request.Config.Linux = new LinuxContainerConfig
        {
            SecurityContext = new LinuxContainerSecurityContext
            {
                NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Target, TargetId = targetId },
            },
        };
        return new ContainerEntry(TestContainers.Record(TestContainers.Id('d')), request);
    }
}
