using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using Xunit.Abstractions;

namespace ShimRuntime.Integration.Tests;

/// <summary>
/// Requests for every rpc that changes something, each with one or two fields spoilt: no crash, no leak, nothing half-made, and a refusal
/// that names a field. The seed is printed; SHIMRUNTIME_TEST_SEED repeats a run.
/// </summary>
public sealed partial class RandomRequestTests(DaemonFixture daemon, ITestOutputHelper output) : NodeTest(daemon)
{
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(20);
    private static readonly int Seed = Environment.GetEnvironmentVariable("SHIMRUNTIME_TEST_SEED") is { Length: > 0 } seed
        ? int.Parse(seed, CultureInfo.InvariantCulture)
        : Random.Shared.Next();

    // A request may also be right, or right and impossible here; what it may not do is to surprise the daemon.
    private static readonly StatusCode[] Refusals =
    [
        StatusCode.InvalidArgument, StatusCode.NotFound, StatusCode.FailedPrecondition, StatusCode.AlreadyExists, StatusCode.Unimplemented,
        StatusCode.ResourceExhausted, StatusCode.DeadlineExceeded,
    ];

    private readonly Random _random = new(Seed);
    private Pod _pod = null!;
    private Container _container = null!;

    protected override bool LeavesLeases => true;

    [Fact]
    public async Task NoRequestSurprisesTheDaemon()
    {
        output.WriteLine($"seed {Seed}");
        var pid = Daemon.Pid;
        _pod = await RunPodAsync(OnHost);
        _container = await RunSteadyAsync();
        var mutator = new RequestMutator(_random);
        var clock = Stopwatch.StartNew();
        var (rounds, refused) = (0, 0);
        for (; clock.Elapsed < Length; rounds++)
        {
            var (request, send) = Choose();
            var how = mutator.Spoil(request);
            if (_random.Next(3) == 0) how += ", " + mutator.Spoil(request);
            var before = await CountAsync();
            if (!await SendAsync(request, send, $"seed {Seed}, round {rounds}: {how}")) continue;
            refused++;
            Assert.True(before == await CountAsync(), $"seed {Seed}, round {rounds}: {how}: refused, and yet something was made");
        }

        output.WriteLine($"{rounds} requests, {refused} refused");
        Assert.True(refused > rounds / 4, $"seed {Seed}: only {refused} of {rounds} were refused: they are not spoilt enough");
        Assert.Equal(pid, Daemon.Pid);
        Assert.True(Processes.IsAlive(pid), $"seed {Seed}: the daemon has ended");
        Assert.Equal("fine", await OutputAsync("echo fine"));
    }

    /// <summary>True: refused, as a refusal has to be.</summary>
    private async Task<bool> SendAsync(IMessage request, Func<CallOptions, Task> send, string what)
    {
        try
        {
            await send(new CallOptions(deadline: DateTime.UtcNow.AddSeconds(30)));
            return false;
        }
        catch (RpcException e)
        {
            Assert.True(Refusals.Contains(e.StatusCode) || IsBeyondUs(request, e), $"{what}: {e.StatusCode}: {e.Status.Detail}");
            // What never reached the daemon's own code is gRPC's to word.
            if (e.StatusCode != StatusCode.InvalidArgument) return e.StatusCode != StatusCode.DeadlineExceeded;
            var names = RequestMutator.FieldNames(request.Descriptor);
            var words = Word().Matches(e.Status.Detail).Select(m => m.Value);
            Assert.True(words.Any(names.Contains), $"{what}: the refusal names no field: {e.Status.Detail}");
            return true;
        }
    }

    /// <summary>A registry that can't be reached; a start or an update that runc or the kernel refuses.</summary>
    private static bool IsBeyondUs(IMessage request, RpcException e) => request switch
    {
        PullImageRequest => e.StatusCode is StatusCode.Unavailable or StatusCode.Unknown or StatusCode.PermissionDenied,
        _ => false,
    };

    private (IMessage Request, Func<CallOptions, Task> Send) Choose()
    {
        switch (_random.Next(16))
        {
            case 0 or 1 or 2:
                var run = new RunPodSandboxRequest { Config = PodConfig(OnHost) };
                return (run, o => RunPodAsync(run, o));
            case 3 or 4 or 5 or 6 or 7:
                var create = Create();
                return (create, o => CreateAsync(create, o));
            case 8:
                var update = new UpdateContainerResourcesRequest { ContainerId = _container.Id, Linux = new LinuxContainerResources { CpuShares = 512 } };
                return (update, o => Runtime.UpdateContainerResourcesAsync(update, o).ResponseAsync);
            case 9:
                var sandbox = new UpdatePodSandboxResourcesRequest { PodSandboxId = _pod.Id, Resources = new LinuxContainerResources { CpuShares = 512 } };
                return (sandbox, o => Runtime.UpdatePodSandboxResourcesAsync(sandbox, o).ResponseAsync);
            case 10:
                var sync = new ExecSyncRequest { ContainerId = _container.Id, Cmd = { "true" }, Timeout = 5 };
                return (sync, o => Runtime.ExecSyncAsync(sync, o).ResponseAsync);
            case 11:
                var exec = new ExecRequest { ContainerId = _container.Id, Cmd = { "true" }, Stdout = true };
                return (exec, o => Runtime.ExecAsync(exec, o).ResponseAsync);
            case 12:
                var forward = new PortForwardRequest { PodSandboxId = _pod.Id, Port = { 80 } };
                return (forward, o => Runtime.PortForwardAsync(forward, o).ResponseAsync);
            case 13:
                var pull = new PullImageRequest { Image = new ImageSpec { Image = "127.0.0.1:1/none:1" }, SandboxConfig = _pod.Config.Clone() };
                return (pull, o => Images.PullImageAsync(pull, o.WithDeadline(DateTime.UtcNow.AddSeconds(3))).ResponseAsync);
            case 14:
                var config = new UpdateRuntimeConfigRequest { RuntimeConfig = new RuntimeConfig { NetworkConfig = new NetworkConfig() } };
                return (config, o => Runtime.UpdateRuntimeConfigAsync(config, o).ResponseAsync);
            default:
                return ById();
        }
    }

    private (IMessage Request, Func<CallOptions, Task> Send) ById()
    {
        switch (_random.Next(6))
        {
            case 0:
                var stop = new StopContainerRequest { Timeout = 1 };
                return (stop, o => Runtime.StopContainerAsync(stop, o).ResponseAsync);
            case 1:
                var remove = new RemoveContainerRequest();
                return (remove, o => Runtime.RemoveContainerAsync(remove, o).ResponseAsync);
            case 2:
                var start = new StartContainerRequest();
                return (start, o => Runtime.StartContainerAsync(start, o).ResponseAsync);
            case 3:
                var reopen = new ReopenContainerLogRequest();
                return (reopen, o => Runtime.ReopenContainerLogAsync(reopen, o).ResponseAsync);
            case 4:
                var stopPod = new StopPodSandboxRequest();
                return (stopPod, o => Runtime.StopPodSandboxAsync(stopPod, o).ResponseAsync);
            default:
                var removePod = new RemovePodSandboxRequest();
                return (removePod, o => Runtime.RemovePodSandboxAsync(removePod, o).ResponseAsync);
        }
    }

    private static void OnHost(PodSandboxConfig pod) => pod.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Node;

    private Task<Container> RunSteadyAsync() => _pod.RunAsync("trap exit TERM; while :; do sleep 0.2; done");

    private CreateContainerRequest Create()
    {
        var serial = Daemon.NextSerial();
        return _pod.Request(new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = $"random{serial}" },
            Image = _container.Config.Image.Clone(),
            Command = { "/bin/sh" },
            Args = { "-c", "true" },
            WorkingDir = "/tmp",
            LogPath = $"random{serial}.log",
            Labels = { ["l"] = "v" },
            Annotations = { ["a"] = "v" },
            Envs = { new KeyValue { Key = "K", Value = ByteString.CopyFromUtf8("v") } },
            Mounts =
            {
                new Mount { HostPath = World.Shared, ContainerPath = "/shared", MountOptions = { "noexec" } },
                new Mount { ContainerPath = "/image", Image = _container.Config.Image.Clone(), ImageSubPath = "etc" },
            },
            Devices = { new Device { HostPath = "/dev/null", ContainerPath = "/dev/nothing", Permissions = "r" } },
            Linux = new LinuxContainerConfig
            {
                Resources = new LinuxContainerResources { CpuShares = 100, MemoryLimitInBytes = 64 << 20, OomScoreAdj = 900 },
                SecurityContext = new LinuxContainerSecurityContext
                {
                    Capabilities = new Capability { DropCapabilities = { "ALL" }, AddCapabilities = { "CHOWN" } },
                    NamespaceOptions = _pod.Config.Linux.SecurityContext.NamespaceOptions.Clone(),
                    RunAsUser = new Int64Value { Value = 1000 },
                    SupplementalGroups = { 5 },
                    MaskedPaths = { "/proc/keys" },
                    Seccomp = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault },
                },
            },
        }).Clone();
    }

    /// <summary>What was made is taken away again, so that the next refusal is seen to have made nothing.</summary>
    private async Task RunPodAsync(RunPodSandboxRequest request, CallOptions options)
    {
        var id = (await Runtime.RunPodSandboxAsync(request, options)).PodSandboxId;
        await Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = id });
        await Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = id });
    }

    private async Task CreateAsync(CreateContainerRequest request, CallOptions options)
    {
        var id = (await Runtime.CreateContainerAsync(request, options)).ContainerId;
        await Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = id });
    }

    private async Task<(int Pods, int Containers, int Mounts)> CountAsync() => (
        (await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items.Count,
        (await Runtime.ListContainersAsync(new ListContainersRequest())).Containers.Count,
        LeakCheck.MountsOf(World).Count);

    [GeneratedRegex("[A-Za-z_]+")]
    private static partial Regex Word();
}
