namespace ShimRuntime.Vm.Tests;

/// <summary>The published binaries on a kernel with cgroup v2 alone: what the scripts of guest.d checked there, check by check.</summary>
public abstract class MachineTests(Machine machine)
{
    [Fact]
    public void TheGuestFailedNothingAndEnded()
    {
        Assert.DoesNotContain(machine.Console, l => l.StartsWith("FAIL ", StringComparison.Ordinal));
        Assert.True(machine.ExitCode == 0, $"run.sh ended with {machine.ExitCode}\n{End}");
    }

    /// <summary>A check that no script's head names would be missed when it is no longer reached.</summary>
    [Fact]
    public void EveryCheckIsDeclared()
    {
        Assert.DoesNotContain(machine.Console, l => l.StartsWith("PASS ", StringComparison.Ordinal) && !machine.Declared.Contains(l[5..]));
    }

    private string End => $"the console's end:\n{string.Join('\n', machine.Console.TakeLast(60))}";

    protected void Passed(string name)
    {
        if (machine.Console.Contains($"PASS {name}")) return;
        var said = machine.Console.FirstOrDefault(l => l.StartsWith($"FAIL {name}:", StringComparison.Ordinal));
        Assert.Fail($"{said ?? $"the guest never came to '{name}'"}\n{End}");
    }
}
