namespace ShimRuntime.Vm.Tests;

/// <summary>All that <c>make vm-test</c> runs with Debian's systemd, our unit and the systemd driver.</summary>
[Trait("selection", "whole")]
public sealed class SystemdMachineTests(SystemdMachine machine) : MachineTests(machine), IClassFixture<SystemdMachine>
{
    public static TheoryData<string> Checks => new(GuestScripts.ChecksOn("systemd", false));

    [Theory, MemberData(nameof(Checks))]
    public void ACheckOfTheGuestPasses(string name) => Passed(name);
}

/// <summary>Booted once for the class.</summary>
public sealed class SystemdMachine() : Machine("systemd", "");
