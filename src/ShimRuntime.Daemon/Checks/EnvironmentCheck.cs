using ShimRuntime.Daemon.Configuration;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;

namespace ShimRuntime.Daemon.Checks;

/// <summary>
/// shimruntimed --check: the settings are right (else this is not reached), and so is the machine. Starts nothing but
/// the runtimes' <c>--version</c> and <c>features</c>, and leaves nothing.
/// </summary>
internal static class EnvironmentCheck
{
    /// <summary>Prints one line a subject and a verdict. False: the daemon would not work.</summary>
    public static async Task<bool> RunAsync(DaemonConfig config, TextWriter output)
    {
        List<CheckResult> results =
        [
            new("settings", CheckOutcome.Fine, $"root {config.Root}, state {config.State}, listen {config.Listen}"),
            DirectoryChecks.Lock("root", config.Root),
            DirectoryChecks.Lock("state", config.State),
            DirectoryChecks.Socket(config.SocketPath),
            .. await MachineAsync(config),
        ];
        foreach (var result in results) output.WriteLine($"{Mark(result.Outcome)}  {result.Subject,-12}  {result.Detail}");
        var broken = results.Count(r => r.Outcome == CheckOutcome.Broken);
        var limited = results.Count(r => r.Outcome == CheckOutcome.Limited);
        var verdict = broken > 0 ? $"not ready, {broken} broken" : "ready";
        output.WriteLine(limited > 0 ? $"{verdict}, {limited} limited" : verdict);
        return broken == 0;
    }

    /// <summary>What does not depend on whether another daemon serves.</summary>
    public static async Task<IReadOnlyList<CheckResult>> MachineAsync(DaemonConfig config)
    {
        using var exits = new ExitWatcher();
        return
        [
            PrivilegeChecks.Root(),
            PrivilegeChecks.Administration(),
            PrivilegeChecks.Resources(),
            OverlayCheck.Run(config.Root),
            CgroupCheck.Run(config.CgroupDriver),
            await RuncCheck.RunAsync(Executables.Runc(config.RuncPath), exits),
            .. await RuncCheck.HandlersAsync(config.ToRuntimeOptions(), exits),
            BinaryChecks.Shim(Executables.Shim(config.ShimPath)),
            ApparmorCheck.Run(config.ApparmorProfile, new HostView(HostFacts.Read())),
            CniCheck.Run(config.CniConfDirectory, config.CniBinDirectories),
        ];
    }

    private static string Mark(CheckOutcome outcome) => outcome switch
    {
        CheckOutcome.Fine => "ok     ",
        CheckOutcome.Limited => "limited",
        _ => "BROKEN ",
    };
}
