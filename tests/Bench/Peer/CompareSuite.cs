using System.Globalization;
using System.Runtime.InteropServices;
using Grpc.Core;

namespace ShimRuntime.Bench.Peer;

/// <summary>`compare BIN_DIRECTORY WORK CGROUP OUT_DIRECTORY [--rows NAME,…] [--rounds N] [--peer DIR]`, as eng/bench.sh calls it in namespaces of its own.</summary>
internal sealed record CompareSuite(string Binaries, string Work, string Cgroup, string Out)
{
    public const string Usage = "compare BIN_DIRECTORY WORK CGROUP OUT_DIRECTORY [--rows NAME,...] [--rounds 40] [--peer DIRECTORY]";

    private static readonly IReadOnlyList<IMeasurement> Measurements =
    [
        new PodLifecycle("pod-start", false, 0.5),
        new PodLifecycle("pod-start-host", true, 0.4),
        new PodRate(),
        new ExecSync(),
        new Scale(),
        new Pulls(),
        new Logs(),
        new Growth(),
    ];

    public IReadOnlyList<string> Rows { get; init; } = [];

    public int Rounds { get; init; } = 40;

    /// <summary>What eng/peer.sh made: containerd, its shim and a pause image.</summary>
    public string PeerDirectory { get; init; } = "artifacts/peer";

    /// <returns>Null: that is no such command line.</returns>
    public static CompareSuite? TryParse(IReadOnlyList<string> arguments)
    {
        if (arguments.Count < 4 || arguments.Count % 2 != 0) return null;
        var suite = new CompareSuite(Path.GetFullPath(arguments[0]), arguments[1], arguments[2], arguments[3]);
        for (var i = 4; i < arguments.Count; i += 2)
        {
            var value = arguments[i + 1];
            var next = arguments[i] switch
            {
                "--rows" when value.Split(',').All(r => Measurements.Any(m => m.Name == r)) => suite with { Rows = value.Split(',') },
                "--rounds" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var rounds) && rounds > 0 => suite with { Rounds = rounds },
                "--peer" => suite with { PeerDirectory = Path.GetFullPath(value) },
                _ => null,
            };
            if (next is null) return null;
            suite = next;
        }

        return suite;
    }

    public static string RowNames => string.Join(' ', Measurements.Select(m => m.Name));

    /// <summary>True: every row that has a target reaches it.</summary>
    public async Task<bool> RunAsync(CancellationToken cancellation)
    {
        var containerd = new Containerd(Path.GetFullPath(PeerDirectory));
        var ours = new OurRuntime(Binaries);
        var comparison = new Comparison(Facts(ours, containerd));
        await using var stage = await Stage.SetAsync(Work, Cgroup, new Dictionary<string, string>
        {
            ["bench/busybox"] = Path.GetFullPath("artifacts/busybox.tar"), ["bench/pause"] = containerd.PauseArchive,
        }, cancellation);
        await using var us = await Contestant.StartAsync(stage, ours, cancellation);
        await using var peer = await Contestant.StartAsync(stage, containerd, cancellation);
        var contest = new Contest(stage, us, peer, comparison, Rounds);
        foreach (var measurement in Measurements.Where(m => Rows.Count == 0 || Rows.Contains(m.Name)))
        {
            await Console.Error.WriteLineAsync($"{DateTime.Now:T} {measurement.Name}");
            try
            {
                await measurement.RunAsync(contest, cancellation);
            }
            catch (Exception e) when (e is IOException or InvalidOperationException or RpcException && !cancellation.IsCancellationRequested)
            {
                await Console.Error.WriteLineAsync($"{measurement.Name}: {e}");
                comparison.Fail($"{measurement.Name} failed: {e.Message}");
            }

            Write(comparison); // what there is, should this be the last
        }

        Console.WriteLine(comparison.Markdown());
        return comparison.Holds;
    }

    private void Write(Comparison comparison)
    {
        var name = string.Join('-', Rows.Prepend("bench")); // some rows alone do not take the whole's place
        File.WriteAllText(Path.Combine(Out, name + ".md"), comparison.Markdown());
        File.WriteAllText(Path.Combine(Out, name + ".json"), comparison.Json());
    }

    private static Dictionary<string, string> Facts(ContestantKind ours, ContestantKind peer)
    {
        var cpu = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[^1] ?? "unknown";
        var memory = File.ReadLines("/proc/meminfo").First().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1];
        return new Dictionary<string, string>
        {
            ["measured"] = DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture),
            ["machine"] = $"{Environment.ProcessorCount} cores, {cpu}, {long.Parse(memory, CultureInfo.InvariantCulture) >> 20} GiB, {RuntimeInformation.OSDescription}",
            ["load average before"] = File.ReadAllText("/proc/loadavg").Split(' ')[0],
            ["ours"] = ours.Version,
            ["peer"] = $"{peer.Name} {peer.Version}",
            ["both"] = Stage.ToolVersions(),
        };
    }
}
