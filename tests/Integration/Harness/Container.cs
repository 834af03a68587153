using System.Text;
using System.Text.Json;
using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>A container under test and what is done with it.</summary>
public sealed class Container(Pod pod, string id, ContainerConfig config)
{
    private RuntimeService.RuntimeServiceClient Runtime => Pod.Daemon.Runtime;

    public Pod Pod { get; } = pod;

    public string Id { get; } = id;

    public ContainerConfig Config { get; } = config;

    public string LogPath => Path.Combine(Pod.Config.LogDirectory, Config.LogPath);

    /// <summary>Container cgroup, below every controller's mount.</summary>
    public string Cgroup => $"{PodCgroup}/{Id}";

    /// <summary>The first generation's leaf.</summary>
    public string Leaf => LeafOf(1);

    /// <summary>Begins a hot swap and reads its events.</summary>
    public SwapReader Swap(SwapRequest? request = null)
    {
        var asked = request?.Clone() ?? new SwapRequest();
        asked.ContainerId = Id;
        return new SwapReader(Pod.Daemon.Client.HotSwap.Swap(asked));
    }

    /// <summary>A hot swap to its end. Where one has failed before, the pause that this costs is waited for.</summary>
    public async Task<SwapEvent> SwapAfterPauseAsync(SwapRequest request)
    {
        SwapEvent? end = null;
        await Eventually.True(async () =>
        {
            try
            {
                end = await Swap(request).EndAsync();
                return true;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                return false;
            }
        }, "the pause after one failure is over");
        return end!;
    }

    public string LeafOf(uint generation) => $"{Cgroup}/g{generation}-{Id}";

    private string PodCgroup => Pod.Config.Linux?.CgroupParent is { Length: > 0 } parent ? parent : $"{Pod.Daemon.World.CgroupRoot}/{Pod.Id}";

    public Task StartAsync() => Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = Id }).ResponseAsync;

    public Task StopAsync(long timeoutSeconds = 10) =>
        Runtime.StopContainerAsync(new StopContainerRequest { ContainerId = Id, Timeout = timeoutSeconds }).ResponseAsync;

    public Task RemoveAsync() => Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = Id }).ResponseAsync;

    public Task ReopenLogAsync() => Runtime.ReopenContainerLogAsync(new ReopenContainerLogRequest { ContainerId = Id }).ResponseAsync;

    public async Task<ContainerStatus> StatusAsync() => (await ResponseAsync(false)).Status;

    public Task<ContainerStatusResponse> ResponseAsync(bool verbose) =>
        Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = Id, Verbose = verbose }).ResponseAsync;

    /// <summary>Verbose info of the status, parsed.</summary>
    public async Task<JsonElement> InfoAsync() => JsonDocument.Parse((await ResponseAsync(true)).Info["info"]).RootElement;

    /// <summary>The init's pid on the host.</summary>
    public async Task<int> PidAsync() => (await InfoAsync()).GetProperty("pid").GetInt32();

    public async Task<ContainerStats> StatsAsync() =>
        (await Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = Id })).Stats;

    /// <summary>Waits for the end.</summary>
    public Task<ContainerStatus> ExitedAsync(TimeSpan? deadline = null) =>
        Eventually.Value(StatusAsync, s => s.State == ContainerState.ContainerExited, $"container {Id} exits", deadline);

    public async Task<ExecSyncResponse> ExecSyncAsync(long timeoutSeconds, params string[] command) =>
        await Runtime.ExecSyncAsync(new ExecSyncRequest { ContainerId = Id, Cmd = { command }, Timeout = timeoutSeconds });

    /// <summary>Runs a script inside and returns its stdout; it must exit 0.</summary>
    public async Task<string> ExecAsync(string script)
    {
        var result = await ExecSyncAsync(30, "/bin/sh", "-c", script);
        Assert.True(result.ExitCode == 0, $"'{script}' exited {result.ExitCode}: {result.Stdout.ToStringUtf8()}{result.Stderr.ToStringUtf8()}");
        return result.Stdout.ToStringUtf8().TrimEnd('\n');
    }

    /// <summary>The log file as it stands.</summary>
    public CriLog Log() => CriLog.Read(LogPath);

    /// <summary>Waits until the log holds a line.</summary>
    public Task LoggedAsync(string line, TimeSpan? deadline = null) => Eventually.True(
        () => Task.FromResult(File.Exists(LogPath) && Log().Lines().Contains(line)), () => $"log line '{line}' in {LogPath}: {Tail()}", deadline);

    private string Tail() => File.Exists(LogPath) ? Encoding.UTF8.GetString(File.ReadAllBytes(LogPath).AsSpan()[^Math.Min(500, (int)new FileInfo(LogPath).Length)..]) : "no file";
}
