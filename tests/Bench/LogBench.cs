using System.Diagnostics;
using System.Globalization;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench;

/// <summary>A container prints a file of equal lines as fast as it can: bytes a second to the end of its log, and the shim's CPU time for them.</summary>
internal sealed class LogBench(BenchNode node)
{
    private const int FileBytes = 256 << 20;
    private const int Rounds = 3;
    private const double BudgetMegabytesPerSecond = 250;
    private const double BudgetCpuSecondsPerGigabyte = 2;
    private const double TicksPerSecond = 100; // USER_HZ

    public async Task RunAsync(Report report, CancellationToken cancellation)
    {
        foreach (var lineBytes in (int[])[100, 20])
        {
            var source = WriteSource(lineBytes);
            List<double> speed = [], cpu = [];
            for (var round = 0; round < Rounds; round++)
            {
                var (seconds, cpuSeconds) = await PrintAsync($"log{lineBytes}-{round}", source, cancellation);
                speed.Add(FileBytes / 1e6 / seconds);
                cpu.Add(cpuSeconds / (FileBytes / 1e9));
            }

            File.Delete(source);
            report.AddAtLeast($"container log, lines of {lineBytes} bytes", Report.Median(speed), "MB/s", lineBytes == 100 ? BudgetMegabytesPerSecond : null);
            report.Add($"shim's CPU for it, lines of {lineBytes} bytes", Report.Median(cpu), "s/GB", BudgetCpuSecondsPerGigabyte);
        }
    }

    private string WriteSource(int lineBytes)
    {
        var path = Path.Combine(node.Work, $"lines-{lineBytes}");
        var line = new byte[lineBytes];
        Array.Fill(line, (byte)'x');
        line[^1] = (byte)'\n';
        using var file = new BufferedStream(File.Create(path), 1 << 20);
        for (var written = 0; written + lineBytes <= FileBytes; written += lineBytes) file.Write(line);
        return path;
    }

    private async Task<(double Seconds, double CpuSeconds)> PrintAsync(string name, string source, CancellationToken cancellation)
    {
        var pod = node.Pod(name, true, NamespaceMode.Container);
        Directory.CreateDirectory(pod.LogDirectory);
        var podId = (await node.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = pod }, cancellationToken: cancellation)).PodSandboxId;
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = "printer" },
            Image = new ImageSpec { Image = BenchNode.Image },
            LogPath = "0.log",
            Linux = new LinuxContainerConfig { SecurityContext = new LinuxContainerSecurityContext { NamespaceOptions = pod.Linux.SecurityContext.NamespaceOptions } },
            Command = { "cat", "/lines" },
            Mounts = { new Mount { HostPath = source, ContainerPath = "/lines", Readonly = true } },
        };
        var create = new CreateContainerRequest { PodSandboxId = podId, Config = config, SandboxConfig = pod };
        var id = (await node.Runtime.CreateContainerAsync(create, cancellationToken: cancellation)).ContainerId;
        var shim = node.ShimOf(id);
        var before = CpuSeconds(shim);
        await node.Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = id }, cancellationToken: cancellation);
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var status = (await node.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = id }, cancellationToken: cancellation)).Status;
            if (status.State == ContainerState.ContainerExited) break;
            await Task.Delay(5, cancellation);
        }

        var result = (clock.Elapsed.TotalSeconds, CpuSeconds(shim) - before);
        await node.DownAsync(podId);
        File.Delete(Path.Combine(pod.LogDirectory, "0.log"));
        return result;
    }

    private static double CpuSeconds(int pid)
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }
}
