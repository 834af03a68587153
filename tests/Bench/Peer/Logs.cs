using System.Diagnostics;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Peer;

/// <summary>
/// A container prints a file as fast as its output is taken: MB/s until it has ended, and the CPU time of daemon and shim for a GB (the writer's own is its pod's).
/// Attachers read as fast as they can. A runtime may hold the container back for them, or cut off who can't follow, as ours does (decision 74).
/// </summary>
internal sealed class Logs : IMeasurement
{
    private const int FileBytes = 64 << 20;
    private const int Rounds = 3;
    private const int Attachers = 2;
    private const double LeastSpeedRatio = 6;
    private const double MostCpuRatio = 0.1;
    private const double GB = 1e9;

    /// <summary>It prints when it gets a line, so that attachers can come before.</summary>
    private static readonly string[] Print = ["sh", "-c", "until [ -e /log/go ]; do usleep 10000; done; cat /log/lines"];

    public string Name => "log";

    public async Task RunAsync(Contest contest, CancellationToken cancellation)
    {
        foreach (var (lineBytes, attachers) in ((int, int)[])[(101, 0), (4000, 0), (101, Attachers)])
        {
            var what = $"container log, {lineBytes}-byte lines{(attachers > 0 ? $", {attachers} attachers" : "")}";
            var asked = lineBytes == 101 && attachers == 0;
            var speed = contest.Comparison.Add(new ComparedRow(what, "MB/s") { Target = asked ? Target.PeerAtLeast(LeastSpeedRatio) : null });
            var cpu = contest.Comparison.Add(new ComparedRow($"CPU for a GB, {what}", "s") { Target = asked ? Target.PeerAtMost(MostCpuRatio) : null });
            var seen = attachers == 0 ? null : contest.Comparison.Add(new ComparedRow($"{what}: what the slowest of them saw", "MB"));
            await contest.InterleaveAsync(Rounds, async (contestant, counts) =>
            {
                var (seconds, cpuSeconds, bytes) = await PrintAsync(contest, contestant, (lineBytes, attachers), cancellation);
                if (!counts) return;
                speed.Of(contestant).Add(FileBytes / 1e6 / seconds);
                cpu.Of(contestant).Add(cpuSeconds / (FileBytes / GB));
                seen?.Of(contestant).Add(bytes / 1e6);
            });
        }
    }

    private static async Task<(double Seconds, double CpuSeconds, double SeenBytes)> PrintAsync(
        Contest contest, Contestant contestant, (int LineBytes, int Attachers) kind, CancellationToken cancellation)
    {
        var pod = contestant.NewPod(true);
        var directory = Directory.CreateDirectory(Path.Combine(contest.Stage.Site.Work, "lines", pod.Metadata.Name)).FullName;
        WriteLines(Path.Combine(directory, "lines"), kind.LineBytes);
        var config = PodCalls.Sleeper(pod, contest.Stage.Busybox);
        config.Command.Clear();
        config.Command.AddRange(Print);
        config.Mounts.Add(new Mount { HostPath = directory, ContainerPath = "/log", Readonly = true });
        var (podId, container, _) = await new PodCalls(contestant.Runtime).UpAsync(pod, config, cancellation);
        var attachers = new List<Attacher>();
        for (var i = 0; i < kind.Attachers; i++) attachers.Add(await Attacher.AttachAsync(contestant.Runtime, container, cancellation));

        var (before, clock) = (contestant.Usage.RuntimeCpuMilliseconds, Stopwatch.StartNew());
        await File.WriteAllTextAsync(Path.Combine(directory, "go"), "", cancellation);
        await EndAsync(contestant, container, cancellation);
        var seconds = clock.Elapsed.TotalSeconds;
        var log = new FileInfo(Path.Combine(pod.LogDirectory, "0.log"));
        while (log.Length < FileBytes) // what was in the pipe
        {
            await Task.Delay(10, cancellation);
            log.Refresh();
        }

        var cpu = (contestant.Usage.RuntimeCpuMilliseconds - before) / 1000;
        foreach (var attacher in attachers) await attacher.DisposeAsync();
        var seen = attachers.Count == 0 ? 0 : attachers.Min(a => a.Bytes);
        if (seen == 0 && attachers.Count > 0) throw new IOException($"{contestant.Kind.Name}: an attacher saw nothing");
        await contestant.DownAsync(podId, container, cancellation);
        Directory.Delete(directory, true);
        log.Delete();
        return (seconds, cpu, seen);
    }

    private static async Task EndAsync(Contestant contestant, string container, CancellationToken cancellation)
    {
        while (true)
        {
            var status = await contestant.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container }, cancellationToken: cancellation);
            if (status.Status.State == ContainerState.ContainerExited) return;
            await Task.Delay(5, cancellation);
        }
    }

    private static void WriteLines(string path, int lineBytes)
    {
        var line = new byte[lineBytes];
        Array.Fill(line, (byte)'x');
        line[^1] = (byte)'\n';
        using var file = new BufferedStream(File.Create(path), 1 << 20);
        for (var written = 0; written < FileBytes; written += lineBytes) file.Write(line);
    }
}
