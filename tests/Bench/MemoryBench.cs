using System.Globalization;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench;

/// <summary>PSS of daemon, shims and pod inits at 30 containers, and how often an idle shim wakes up in 30 seconds.</summary>
internal sealed class MemoryBench(BenchNode node)
{
    private const int Containers = 30;
    private const double ShimBudgetMegabytes = 1.2;
    private const double DaemonIdleBudgetMegabytes = 40;
    private const double DaemonBudgetMegabytes = 60;
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(30);

    /// <summary>Before any pod: an image was imported and some calls answered.</summary>
    public void MeasureIdle(Report report) => report.Add("daemon PSS, no pod", Pss(node.DaemonPid), "MB", DaemonIdleBudgetMegabytes);

    public async Task RunAsync(Report report, CancellationToken cancellation)
    {
        await MeasureAsync(report, NamespaceMode.Container, true, cancellation);
        await MeasureAsync(report, NamespaceMode.Pod, false, cancellation);
    }

    private async Task MeasureAsync(Report report, NamespaceMode pid, bool wakeUps, CancellationToken cancellation)
    {
        var pods = new List<string>();
        for (var i = 0; i < Containers; i++) pods.Add((await node.UpAsync(node.Pod($"{pid}{i}", true, pid), pid, cancellation)).Pod);
        var shims = Processes(" serve");
        var title = $"pid {pid.ToString().ToUpperInvariant()}, {Containers} containers";
        report.Add($"shim PSS, {title} ({shims.Length} shims)", Report.Median(shims.Select(Pss)), "MB", ShimBudgetMegabytes);
        if (Processes("pause") is { Length: > 0 } inits) report.Add($"pod init PSS, {title}", Report.Median(inits.Select(Pss)), "MB");
        report.Add($"daemon PSS, {title}", Pss(node.DaemonPid), "MB", DaemonBudgetMegabytes);
        if (wakeUps)
        {
            var before = shims.Sum(ContextSwitches);
            await Task.Delay(Idle, cancellation);
            report.Add($"context switches of all {shims.Length} idle shims in {Idle.TotalSeconds:0} s", shims.Sum(ContextSwitches) - before, "", 0);
        }

        foreach (var pod in pods) await node.DownAsync(pod);
    }

    /// <summary>Processes of this node's shim binary whose command line holds the word.</summary>
    private int[] Processes(string word)
    {
        var binary = Path.Combine(node.Binaries, "shimruntime-shim");
        return Directory.EnumerateDirectories("/proc").Select(d => Path.GetFileName(d)).Where(n => n.All(char.IsAsciiDigit))
            .Select(n => int.Parse(n, CultureInfo.InvariantCulture)).Where(pid => IsOurs(pid, binary, word)).ToArray();
    }

    private bool IsOurs(int pid, string binary, string word)
    {
        try
        {
            // A pod init has an empty root and no file of ours for its executable: only its argv tells it.
            var command = File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ');
            var ours = command.StartsWith("pause ", StringComparison.Ordinal) || new FileInfo($"/proc/{pid}/exe").LinkTarget == binary;
            return ours && command.Contains(word, StringComparison.Ordinal) && BelongsHere(pid);
        }
        catch (IOException)
        {
            return false; // ended meanwhile
        }
    }

    /// <summary>Two benches may run side by side: a shim is ours when it was started after our daemon.</summary>
    private bool BelongsHere(int pid) => Linux.ProcessIdentity.TryRead(pid)?.StartTicks >= Linux.ProcessIdentity.TryRead(node.DaemonPid)?.StartTicks;

    private static double Pss(int pid) => Field($"/proc/{pid}/smaps_rollup", "Pss:") / 1024.0;

    private static long ContextSwitches(int pid) => Directory.EnumerateDirectories($"/proc/{pid}/task")
        .Sum(t => Field($"{t}/status", "voluntary_ctxt_switches:") + Field($"{t}/status", "nonvoluntary_ctxt_switches:"));

    private static long Field(string file, string name) =>
        File.ReadLines(file).Where(l => l.StartsWith(name, StringComparison.Ordinal))
            .Select(l => long.Parse(l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture)).FirstOrDefault();
}
