namespace ShimRuntime.Vm.Tests;

/// <summary>The published binaries on a kernel with cgroup v2 alone: what guest.sh checked there, check by check.</summary>
public sealed class CgroupV2MachineTests(Machine machine) : IClassFixture<Machine>
{
    [Theory]
    [InlineData("serving")]
    [InlineData("pod")]
    [InlineData("exec")]
    [InlineData("leaf")]
    [InlineData("leaf-populated")]
    [InlineData("memory-on-container")]
    [InlineData("memory-on-leaf")]
    [InlineData("cpu-on-leaf")]
    [InlineData("stats-memory")]
    [InlineData("stats-cpu")]
    [InlineData("oom-verdict")]
    [InlineData("oom-code")]
    [InlineData("adopted")]
    [InlineData("no-cgroup")]
    [InlineData("no-mount")]
    [InlineData("no-shim")]
    [InlineData("no-veth")]
    [InlineData("no-pin")]
    [InlineData("sigterm")]
    public void ACheckOfTheGuestPasses(string name) => Assert.True(
        machine.Console.Contains($"PASS {name}"), $"{Said(name)}\nthe console's end:\n{string.Join('\n', machine.Console.TakeLast(40))}");

    [Fact]
    public void TheGuestFailedNothingAndEnded()
    {
        Assert.DoesNotContain(machine.Console, l => l.StartsWith("FAIL ", StringComparison.Ordinal));
        Assert.Equal(0, machine.ExitCode);
    }

    private string Said(string name) =>
        machine.Console.FirstOrDefault(l => l.StartsWith($"FAIL {name}:", StringComparison.Ordinal)) ?? $"the guest never came to '{name}'";
}
