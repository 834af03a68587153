using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using ShimRuntime.PowerLoss.Tests.Story;

namespace ShimRuntime.PowerLoss.Tests.Replay;

/// <summary>One daemon's world, in which disks are tried one after the other.</summary>
internal sealed class ReplayNode(string name, Verdicts verdicts) : IAsyncDisposable
{
    private DaemonFixture? _daemon;
    private string[] _baseline = [];

    /// <summary>What is wrong with how the daemon starts on this disk, what it tells, and what it leaves; empty: nothing.</summary>
    public async Task<IReadOnlyList<string>> TryAsync(CrashCase crash)
    {
        var faults = new List<string>();
        var step = "prepare";
        try
        {
            var daemon = _daemon ??= await OpenAsync();
            Clear(daemon.World);
            new DiskWriter(verdicts.Recorded, daemon.World, daemon.World.Root).Write(crash.Image);
            step = "start";
            await daemon.StartAsync();
            step = "list";
            var findings = await ListAsync(daemon);
            faults.AddRange(verdicts.Of(crash, findings));
            var isNew = verdicts.IsNewImageRoom(crash);
            step = "run a container of what is listed";
            if (isNew && findings.Images.Count > 0) await RunEachAsync(daemon, findings.Images);
            step = "remove what is listed";
            await RemovePodsAsync(daemon, findings);
            step = "pull again";
            if (isNew) await RunEachAsync(daemon, (await PullAsync(daemon)).Take(1));
            else if (Verdicts.HasLeases(crash)) await PullAsync(daemon);
            step = "remove images";
            await RemoveImagesAsync(daemon);
            faults.AddRange(await RemainsAsync(daemon.World));
            step = "end";
            var exit = await daemon.TerminateAsync();
            if (exit.Code != 0) faults.Add($"SIGTERM ended the daemon with {exit}");
        }
        catch (Exception e) when (e is RpcException or Xunit.Sdk.XunitException or IOException or TimeoutException or InvalidOperationException)
        {
            faults.Add($"failed to {step}: {(e as RpcException)?.Status.Detail ?? e.Message}");
        }

        if (faults.Count > 0) await CloseAsync(crash);
        return faults;
    }

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null) await _daemon.DisposeAsync();
    }

    private async Task<DaemonFixture> OpenAsync()
    {
        var daemon = new DaemonFixture();
        await daemon.StartForAsync(name, new DaemonOptions { PullBusybox = false });
        foreach (var id in await PullAsync(daemon)) Assert.NotEmpty(id);
        await RemoveImagesAsync(daemon);
        await Eventually.True(() => !Leftovers(daemon.World).Any(l => l.Contains("/.old-", StringComparison.Ordinal)), "layers are deleted");
        _baseline = [.. Leftovers(daemon.World)];
        await daemon.TerminateAsync();
        return daemon;
    }

    /// <summary>What is wrong is kept to be looked at: the daemon's log, and the disk as it is then. The next disk is tried in a new world.</summary>
    private async Task CloseAsync(CrashCase crash)
    {
        var daemon = _daemon;
        _daemon = null;
        if (daemon is null) return;
        var kept = Path.Combine(Installation.Logs, $"power-loss-{crash.Number.ToString(CultureInfo.InvariantCulture)}");
        await Command.RunAsync("cp", ["-a", daemon.Logs, kept]);
        if (Processes.IsAlive(daemon.Pid)) await daemon.KillAsync();
        new DiskWriter(verdicts.Recorded, daemon.World, Directory.CreateDirectory(Path.Combine(kept, "disk")).FullName).Write(crash.Image);
        await daemon.World.DestroyAsync();
    }

    private static void Clear(World world)
    {
        foreach (var directory in new[] { world.Root, world.State, world.NetnsDirectory })
        {
            Directory.Delete(directory, true);
            Directory.CreateDirectory(directory);
        }
    }

    private static async Task<Findings> ListAsync(DaemonFixture daemon)
    {
        var pods = new Dictionary<string, PodSandboxStatus>();
        foreach (var pod in (await daemon.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items)
        {
            if (await UnlessGoneAsync(daemon.Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = pod.Id })) is { } answer)
                pods[pod.Id] = answer.Status;
        }

        var containers = new Dictionary<string, ContainerStatus>();
        var listed = (await daemon.Runtime.ListContainersAsync(new ListContainersRequest())).Containers;
        foreach (var container in listed)
        {
            if (await UnlessGoneAsync(daemon.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container.Id })) is { } answer)
                containers[container.Id] = answer.Status;
        }

        return new Findings(await daemon.ImageIdsAsync() as HashSet<string> ?? [], pods, containers, listed.ToDictionary(c => c.Id, c => c.PodSandboxId));
    }

    /// <summary>Null: a removal that was under way when the power went has just been finished.</summary>
    private static async Task<T?> UnlessGoneAsync<T>(AsyncUnaryCall<T> call) where T : class
    {
        try
        {
            return await call;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
    }

    private static async Task RunEachAsync(DaemonFixture daemon, IEnumerable<string> images)
    {
        var pod = await Pod.RunAsync(daemon, p => p.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Node, "sample");
        foreach (var image in images)
        {
            var container = await pod.RunAsync("cat /etc/* > /dev/null && exit 9", c => c.Image = new ImageSpec { Image = image });
            var status = await container.ExitedAsync();
            Assert.True(status.ExitCode == 9, $"a container of {image} ended with {status.ExitCode} {status.Reason} {status.Message}");
        }

        await pod.StopAsync();
        await pod.RemoveAsync();
    }

    private static async Task RemovePodsAsync(DaemonFixture daemon, Findings findings)
    {
        foreach (var id in findings.Containers.Keys) await daemon.Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = id });
        foreach (var id in findings.Pods.Keys)
        {
            await daemon.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = id });
            await daemon.Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = id });
        }
    }

    private async Task<IReadOnlyList<string>> PullAsync(DaemonFixture daemon)
    {
        var images = verdicts.Images;
        return
        [
            await daemon.PullAsync(images.First.Reference), await daemon.PullAsync($"{images.Second.Repository}@{images.Second.ManifestDigest}"),
            await Client.ImportAsync(daemon, images.Archive),
        ];
    }

    private static async Task RemoveImagesAsync(DaemonFixture daemon)
    {
        foreach (var id in await daemon.ImageIdsAsync())
            await daemon.Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = id } });
    }

    /// <summary>What is left when everything was removed; deletions may take a moment.</summary>
    private async Task<IReadOnlyList<string>> RemainsAsync(World world)
    {
        string[] remains = [];
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Eventually.Patience; await Task.Delay(20))
        {
            remains = [.. Leftovers(world).Except(_baseline)];
            if (remains.Length == 0) return [];
        }

        return [.. remains.Select(r => $"left behind: {r}")];
    }

    private static IEnumerable<string> Leftovers(World world) =>
        Directory.EnumerateFileSystemEntries(world.Root, "*", SearchOption.AllDirectories).Concat(Directory.EnumerateFileSystemEntries(world.State, "*", SearchOption.AllDirectories))
            .Concat(Directory.EnumerateFileSystemEntries(world.NetnsDirectory)).Select(f => Path.GetRelativePath(world.Base, f))
            .Concat(LeakCheck.MountsOf(world)).Concat(LeakCheck.CgroupsOf(world, false));
}
