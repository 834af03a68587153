using ShimRuntime.Cri.Operator.V1;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>shimctl doctor, by its own call and as a command.</summary>
public static class DoctorCall
{
    public static async Task<IReadOnlyList<Finding>> DoctorAsync(this DaemonFixture daemon, bool fix = false) =>
        (await daemon.Client.Operator.DoctorAsync(new DoctorRequest { Fix = fix })).Findings;

    public static Task<CommandResult> ShimctlAsync(this DaemonFixture daemon, params string[] arguments) =>
        Command.RunAsync(Installation.Binary("shimctl"), ["--endpoint", $"unix://{daemon.World.Socket}", .. arguments]);

    /// <summary>Looks, fails unless just these kinds are found and each is explained, and looks again: nothing has changed.</summary>
    public static async Task<IReadOnlyList<Finding>> FindsAsync(this DaemonFixture daemon, params string[] kinds)
    {
        var found = await daemon.DoctorAsync();
        Assert.True(found.Select(f => f.Kind).Distinct().Order().SequenceEqual(kinds.Order()), $"expected {string.Join(" ", kinds)}, found:\n{Show(found)}");
        Assert.All(found, f => Assert.Equal((Finding.Types.Outcome.Found, "", true, true, true),
            (f.Outcome, f.Error, f.Why.Length > 20, f.NamedBy.Length > 3, f.Remedy.Length > 8)));
        Assert.Equal(Keys(found), Keys(await daemon.DoctorAsync()));
        return found;
    }

    /// <summary>Removes; fails unless just those findings are fixed and none is left.</summary>
    public static async Task FixesAsync(this DaemonFixture daemon, IReadOnlyList<Finding> found)
    {
        var repaired = await daemon.DoctorAsync(true);
        Assert.True(Keys(found).SequenceEqual(Keys(repaired)) && repaired.All(f => f.Outcome == Finding.Types.Outcome.Fixed), Show(repaired));
        var left = await daemon.DoctorAsync();
        Assert.True(left.Count == 0, Show(left));
    }

    public static string Show(IEnumerable<Finding> findings) =>
        string.Join("\n", findings.Select(f => $"{f.Kind} {f.Subject}: {f.Outcome} {f.Error}\n    named by {f.NamedBy}\n    {f.Why}"));

    private static IEnumerable<string> Keys(IEnumerable<Finding> findings) => findings.Select(f => $"{f.Kind} {f.Subject}").Order(StringComparer.Ordinal);
}
