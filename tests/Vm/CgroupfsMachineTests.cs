namespace ShimRuntime.Vm.Tests;

/// <summary>All that <c>make vm-test</c> runs with a small PID 1 and the cgroupfs driver.</summary>
[Trait("selection", "whole")]
public sealed class CgroupfsMachineTests(CgroupfsMachine machine) : MachineTests(machine), IClassFixture<CgroupfsMachine>
{
    public static TheoryData<string> Checks => new(GuestScripts.ChecksOn("cgroupfs", false));

    [Theory, MemberData(nameof(Checks))]
    public void ACheckOfTheGuestPasses(string name) => Passed(name);
}

/// <summary>Booted once for the class.</summary>
public sealed class CgroupfsMachine() : Machine("cgroupfs", "");
