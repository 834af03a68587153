namespace ShimRuntime.Vm.Tests;

/// <summary>The part that <c>make test</c> boots: cgroupfs driver, scripts marked quick.</summary>
public sealed class QuickMachineTests(QuickMachine machine) : MachineTests(machine), IClassFixture<QuickMachine>
{
    public static TheoryData<string> Checks => new(GuestScripts.ChecksOn("cgroupfs", true));

    [Theory, MemberData(nameof(Checks))]
    public void ACheckOfTheGuestPasses(string name) => Passed(name);
}

/// <summary>Booted once for the class.</summary>
public sealed class QuickMachine() : Machine("cgroupfs", "quick");
