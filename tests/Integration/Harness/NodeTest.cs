using System.Runtime.CompilerServices;
using Grpc.Core;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>
/// Base of every class that tests one daemon: started once for the class, cleaned and checked for leaks after every single test, so that
/// a leak has the name of the test that made it.
/// </summary>
public abstract class NodeTest(DaemonFixture daemon) : IClassFixture<DaemonFixture>, IAsyncLifetime
{
    private LeakCheck? _before;
    private IReadOnlySet<string> _images = new HashSet<string>();

    protected DaemonFixture Daemon { get; } = daemon;

    protected World World => Daemon.World;

    protected RuntimeService.RuntimeServiceClient Runtime => Daemon.Runtime;

    protected ImageService.ImageServiceClient Images => Daemon.Images;

    protected virtual DaemonOptions Options { get; } = new();

    /// <summary>True for classes whose pulls fail: what such a pull has fetched is kept for an hour under a lease, and only then garbage.</summary>
    protected virtual bool LeavesLeases => false;

    public async Task InitializeAsync()
    {
        await Daemon.StartForAsync(GetType().Name, Options);
        if (Daemon.Pid == 0 || !Processes.IsAlive(Daemon.Pid)) await Daemon.StartAsync();
        _images = await Daemon.ImageIdsAsync();
        _before = await LeakCheck.TakeAsync(World, Daemon.Pid);
    }

    public async Task DisposeAsync()
    {
        if (_before is null) return;
        await Daemon.RemoveEverythingAsync(_images);
        if (LeavesLeases) await Daemon.ExpireLeasesAsync();
        await _before.AssertRestoredAsync(World, Daemon.Pid);
    }

    /// <summary>A pod as kubelet asks for it (PID namespace per container), changed by <paramref name="change"/>.</summary>
    protected Task<Pod> RunPodAsync(Action<PodSandboxConfig>? change = null, [CallerMemberName] string test = "") => Pod.RunAsync(Daemon, change, test);

    /// <summary>The configuration that <see cref="RunPodAsync"/> would send.</summary>
    protected PodSandboxConfig PodConfig(Action<PodSandboxConfig>? change = null, [CallerMemberName] string test = "") =>
        Pod.Configure(Daemon, change, test);

    /// <summary>A pod with one container that runs <paramref name="script"/> in sh.</summary>
    protected async Task<Container> RunAsync(string script, Action<ContainerConfig>? change = null, [CallerMemberName] string test = "") =>
        await (await Pod.RunAsync(Daemon, null, test)).RunAsync(script, change);

    /// <summary>Runs <paramref name="script"/> to its end and returns its stdout; the exit code must be 0.</summary>
    protected async Task<string> OutputAsync(string script, Action<ContainerConfig>? change = null, [CallerMemberName] string test = "")
    {
        var container = await RunAsync(script, change, test);
        var status = await container.ExitedAsync();
        Assert.True(status.ExitCode == 0, $"exit {status.ExitCode} {status.Reason} {status.Message}: {container.Log().Text()}");
        return container.Log().Text("stdout").TrimEnd('\n');
    }

    protected static Task RefusedAsync<T>(StatusCode code, AsyncUnaryCall<T> call, params string[] words) => Faults.ExpectAsync(code, call, words);
}
