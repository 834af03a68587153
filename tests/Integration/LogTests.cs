using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>The CRI log: every byte once and in order, through rotation and through a daemon that is not there.</summary>
public sealed class LogTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task BothStreamsAreTaggedAndTimesNeverGoBack()
    {
        var container = await RunAsync("for i in 1 2 3; do echo out$i; echo err$i >&2; done");
        await container.ExitedAsync();
        var log = container.Log();
        Assert.Equal(["out1", "out2", "out3"], log.Lines("stdout"));
        Assert.Equal(["err1", "err2", "err3"], log.Lines("stderr"));
        Assert.All(log.Entries.Zip(log.Entries.Skip(1)), p => Assert.True(p.First.Time <= p.Second.Time));
        Assert.Equal("640", (await Command.ShellAsync($"stat -c %a {container.LogPath}")).Trim());
    }

    [Fact]
    public async Task ALongLineIsPartialUntilItsEndAndTheLastLineIsFull()
    {
        var container = await RunAsync("head -c 40000 /dev/zero | tr '\\0' x; echo; printf tail");
        await container.ExitedAsync();
        var entries = container.Log().Entries;
        Assert.Equal([16384, 16384, 7232, 4], entries.Select(e => e.Text.Length));
        Assert.Equal([true, true, false, false], entries.Select(e => e.Partial));
        Assert.Equal("tail", entries[^1].Text);
    }

    [Fact]
    public async Task APartialLineOfARunningContainerAppearsWithItsNewlineOnly()
    {
        var container = await RunAsync("printf 'Password: '; sleep 0.5; echo given; sleep 1000");
        await container.LoggedAsync("Password: given");
        Assert.Single(container.Log().Entries);
    }

    [Fact]
    public async Task RotationUnderLoadKeepsEveryLineOnceAndInOrder()
    {
        // Bursts at full speed for two seconds at least, so that rotations fall into them however slow the machine is.
        const int lines = 400_000;
        var container = await RunAsync("i=0; while [ $i -lt 40 ]; do seq $((i * 10000 + 1)) $((i * 10000 + 10000)); i=$((i + 1)); sleep 0.05; done");
        var rotated = new List<string>();
        while ((await container.StatusAsync()).State == ContainerState.ContainerRunning && rotated.Count < 200)
        {
            var name = $"{container.LogPath}.{rotated.Count.ToString("D4", CultureInfo.InvariantCulture)}";
            File.Move(container.LogPath, name);
            rotated.Add(name);
            try
            {
                await container.ReopenLogAsync();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.FailedPrecondition)
            {
                break;
            }
        }

        await container.ExitedAsync();
        var files = File.Exists(container.LogPath) ? [.. rotated, container.LogPath] : rotated;
        var numbers = CriLog.Read(files).Entries.Select(e => e.Text).ToArray();
        Assert.True(rotated.Count > 3, $"only {rotated.Count} rotations: the load was too short to prove anything");
        Assert.Equal(lines, numbers.Length);
        for (var i = 0; i < lines; i++) Assert.Equal((i + 1).ToString(CultureInfo.InvariantCulture), numbers[i]);
        foreach (var file in files) File.Delete(file);
    }

    [Fact]
    public async Task ADaemonThatIsDeadLosesNoLineAndBlocksNobody()
    {
        const int lines = 200_000;
        var container = await RunAsync($"sleep 0.5; seq 1 {lines}; echo finished; sleep 1000");
        await Daemon.KillAsync();
        await container.LoggedAsync("finished", TimeSpan.FromSeconds(60));
        await Daemon.StartAsync();
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
        var numbers = container.Log().Lines("stdout");
        Assert.Equal(lines + 1, numbers.Count);
        Assert.Equal(Enumerable.Range(1, lines).Select(i => i.ToString(CultureInfo.InvariantCulture)), numbers.SkipLast(1));
        File.Delete(container.LogPath);
    }

    [Fact]
    public async Task TheLastLinesBeforeTheExitAreThere()
    {
        var pod = await RunPodAsync();
        var containers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => pod.RunAsync($"seq 1 5000; echo last-{i}")));
        foreach (var (container, i) in containers.Select((c, i) => (c, i)))
        {
            await container.ExitedAsync();
            var lines = container.Log().Lines();
            Assert.Equal((5001, $"last-{i}"), (lines.Count, lines[^1]));
        }
    }

    [Fact]
    public async Task ReopenNeedsARunningContainer()
    {
        var container = await (await RunPodAsync()).CreateAsync("true");
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, container.ReopenLogAsync, container.Id);
        await container.StartAsync();
        await container.ExitedAsync();
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, container.ReopenLogAsync, container.Id);
    }

    [Fact]
    public async Task ALogInASubdirectoryAndNoLogAtAll()
    {
        var pod = await RunPodAsync();
        Directory.CreateDirectory(Path.Combine(pod.Config.LogDirectory, "app"));
        var nested = await pod.RunAsync("echo here", c => c.LogPath = "app/0.log");
        await nested.LoggedAsync("here");
        var silent = await pod.RunAsync("echo nowhere; seq 1 100000 > /dev/stdout; exit 0", c => c.LogPath = "");
        Assert.Equal(0, (await silent.ExitedAsync()).ExitCode);
    }

    [Fact]
    public async Task ARestartedContainersLogIsAppendedNotTruncated()
    {
        var pod = await RunPodAsync();
        var path = Path.Combine(pod.Config.LogDirectory, "same.log");
        foreach (var attempt in new[] { 0u, 1u })
        {
            var container = await pod.RunAsync($"echo attempt {attempt}", c =>
            {
                c.Metadata = new ContainerMetadata { Name = "same", Attempt = attempt };
                c.LogPath = "same.log";
            });
            await container.ExitedAsync();
        }

        Assert.Equal(["attempt 0", "attempt 1"], CriLog.Read([path]).Lines());
    }
}
