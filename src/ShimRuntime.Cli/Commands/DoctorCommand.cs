using System.CommandLine;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.Operator.V1;

namespace ShimRuntime.Cli.Commands;

internal static class DoctorCommand
{
    public static Command Create()
    {
        var fix = new Option<bool>("--fix") { Description = "Remove what is found" };
        var command = new DescribedCommand("doctor",
            "Finds what pods and containers that are gone have left behind: shims, mounts, namespaces, cgroups, addresses, files. Only what the daemon's own records name; "
            + "exit code 1: something was found, or with --fix is left. While no daemon runs: shimruntimed --doctor.",
            "shimctl doctor", "shimctl doctor --fix", "shimctl doctor -o json");
        command.Options.Add(fix);
        command.Does(async (parsed, session, cancellation) =>
        {
            var answer = await AskAsync(session, parsed.GetValue(fix), cancellation);
            if (session.Json) JsonOutput.Print(answer);
            else Print(answer);
            return answer.Findings.All(f => f.Outcome == Finding.Types.Outcome.Fixed) ? 0 : 1;
        });
        return command;
    }

    private static async Task<DoctorResponse> AskAsync(Session session, bool fix, CancellationToken cancellation)
    {
        try
        {
            return await session.Operator.DoctorAsync(new DoctorRequest { Fix = fix }, session.Call(cancellation));
        }
        catch (Grpc.Core.RpcException e) when (CommandAction.IsUnreachable(e))
        {
            throw new IOException($"{CommandAction.Explain(e)}; a daemon that is to stay down is looked after by: shimruntimed --doctor{(fix ? " --fix" : "")}, with its --config");
        }
    }

    private static void Print(DoctorResponse answer)
    {
        foreach (var finding in answer.Findings)
        {
            Line($"{finding.Kind} {finding.Subject}");
            Line($"  named by  {finding.NamedBy}");
            Line($"  why       {finding.Why}");
            Line($"  fix       {finding.Remedy}");
            if (finding.Outcome != Finding.Types.Outcome.Found)
                Line($"  outcome   {(finding.Outcome == Finding.Types.Outcome.Fixed ? "fixed" : "left: " + finding.Error)}");
        }

        var isFixed = answer.Findings.Count(f => f.Outcome == Finding.Types.Outcome.Fixed);
        Line(answer.Findings.Count == 0 ? "nothing was found" : $"{answer.Findings.Count} found, {isFixed} fixed");
    }

    private static void Line(string text) => Console.WriteLine(TextTable.Printable(text));
}
