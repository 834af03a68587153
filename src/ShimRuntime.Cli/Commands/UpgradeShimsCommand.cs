using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.Operator.V1;

namespace ShimRuntime.Cli.Commands;

/// <summary>`shimctl upgrade shims`.</summary>
internal static class UpgradeShimsCommand
{
    public static Command Create()
    {
        var binary = new Option<string?>("--binary") { Description = "The new shimruntime-shim; what the daemon starts new shims from, if absent", HelpName = "PATH" };
        var containers = new Option<string[]>("--container")
        {
            Description = "Only those of these containers, by id or name", HelpName = "CONTAINER", AllowMultipleArgumentsPerToken = true,
        };
        var command = new DescribedCommand("shims",
            "Puts a new program into the shims of containers, in place: output, exit codes, sessions and sockets go on. "
            + "One alone, then four at a time; ends at the first that is not exchanged.",
            "shimctl upgrade shims", "shimctl upgrade shims --binary /opt/shimruntime-2/bin/shimruntime-shim --container web");
        command.Options.Add(binary);
        command.Options.Add(containers);
        command.Does(async (parsed, session, cancellation) =>
        {
            var request = new UpgradeShimsRequest { Binary = parsed.GetValue(binary) is { Length: > 0 } given ? Path.GetFullPath(given) : "" };
            foreach (var name in parsed.GetValue(containers) ?? [])
                request.ContainerIds.Add((await Lookup.ContainerAsync(session, name, cancellation)).Id);
            return await RunAsync(session, request, cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(Session session, UpgradeShimsRequest request, CancellationToken cancellation)
    {
        var (upgraded, failed, untouched) = (0, 0, 0);
        using var call = session.Operator.UpgradeShims(request, session.Call(cancellation, Timeout.InfiniteTimeSpan));
        await foreach (var shim in call.ResponseStream.ReadAllAsync(cancellation))
        {
            if (session.Json) JsonOutput.Print(shim);
            else if (shim.Outcome != UpgradedShim.Types.Outcome.Untouched) Console.WriteLine(Line(shim));
            if (shim.Outcome == UpgradedShim.Types.Outcome.Upgraded) upgraded++;
            else if (shim.Outcome == UpgradedShim.Types.Outcome.Untouched) untouched++;
            else if (shim.Outcome != UpgradedShim.Types.Outcome.Gone) failed++;
        }

        if (failed + untouched > 0)
            throw new IOException($"{failed} of the shims could not be upgraded, and {untouched} were left as they are; {upgraded} are upgraded");
        if (!session.Json) Console.WriteLine(upgraded == 0 ? "there is no shim to upgrade" : $"{upgraded} shims are upgraded");
        return 0;
    }

    private static string Line(UpgradedShim shim)
    {
        var place = string.Create(CultureInfo.InvariantCulture, $"{shim.Done}/{shim.Total}  {Units.ShortId(shim.ContainerId)}  ");
        return place + shim.Outcome switch
        {
            UpgradedShim.Types.Outcome.Upgraded => $"{shim.PreviousVersion} -> {shim.Version}, {shim.TookMilliseconds} ms",
            UpgradedShim.Types.Outcome.Gone => "was removed meanwhile",
            UpgradedShim.Types.Outcome.Lost => $"LOST: {shim.Cause}",
            _ => $"not upgraded: {shim.Cause}",
        };
    }
}
