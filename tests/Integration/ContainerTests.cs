using System.Text.Json;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>CreateContainer, StartContainer, RemoveContainer, ContainerStatus, ListContainers.</summary>
public sealed class ContainerTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Unknown = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

    [Fact]
    public async Task ALifeFromCreatedToCompleted()
    {
        var container = await (await RunPodAsync()).CreateAsync("echo hello; exit 0");
        Assert.Matches("^[0-9a-f]{64}$", container.Id);
        var created = await container.StatusAsync();
        Assert.Equal(ContainerState.ContainerCreated, created.State);
        Assert.Equal((0L, 0L), (created.StartedAt, created.FinishedAt));
        await container.StartAsync();
        var exited = await container.ExitedAsync();
        Assert.Equal((0, "Completed"), (exited.ExitCode, exited.Reason));
        Assert.True(created.CreatedAt > 0 && created.CreatedAt <= exited.StartedAt && exited.StartedAt <= exited.FinishedAt, exited.ToString());
        Assert.Equal(["hello"], container.Log().Lines("stdout"));
        await container.RemoveAsync();
        await Faults.ExpectAsync(StatusCode.NotFound, () => container.StatusAsync(), container.Id);
    }

    [Fact]
    public async Task ExitCodesAndSignalsAreReported()
    {
        var pod = await RunPodAsync();
        var error = await (await pod.RunAsync("exit 7")).ExitedAsync();
        Assert.Equal((7, "Error"), (error.ExitCode, error.Reason));
        // PID 1 ignores its own signals by default; a child of it does not.
        var killed = await (await pod.RunAsync("sh -c 'kill -SEGV $$'; exit $?")).ExitedAsync();
        Assert.Equal((139, "Error"), (killed.ExitCode, killed.Reason));
        var container = await pod.RunAsync("sleep 1000");
        await Command.ShellAsync($"kill -9 {await container.PidAsync()}");
        var status = await container.ExitedAsync();
        Assert.Equal((137, "Error"), (status.ExitCode, status.Reason));
    }

    [Fact]
    public async Task WhatCannotBeExecutedIsStartErrorAndNeverCreatedAgain()
    {
        var container = await (await RunPodAsync()).CreateAsync("", c =>
        {
            c.Command.Clear();
            c.Command.Add("/no/such/program");
        });
        await Faults.ExpectAsync(StatusCode.Unknown, () => container.StartAsync(), "/no/such/program");
        var status = await container.StatusAsync();
        Assert.Equal((ContainerState.ContainerExited, 128, "StartError"), (status.State, status.ExitCode, status.Reason));
        Assert.Contains("/no/such/program", status.Message, StringComparison.Ordinal);
        Assert.Equal(status.StartedAt, status.FinishedAt);
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => container.StartAsync());
        await container.RemoveAsync();
    }

    [Fact]
    public async Task ASecondStartIsRefusedRunningAndExited()
    {
        var container = await RunAsync("sleep 1000");
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => container.StartAsync(), container.Id);
        await container.StopAsync(0);
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => container.StartAsync(), container.Id);
    }

    [Fact]
    public async Task EverythingAskedForComesBackInStatusAndList()
    {
        var pod = await RunPodAsync();
        var container = await pod.RunAsync("sleep 1000", c =>
        {
            c.Metadata.Attempt = 3;
            c.Labels["a"] = "b";
            c.Annotations["io.kubernetes.container.hash"] = "\"x\"\n";
            c.Image.UserSpecifiedImage = "busybox:latest";
        });
        var image = await TestImages.BusyboxAsync();
        var status = await container.StatusAsync();
        Assert.Equal(container.Config.Metadata, status.Metadata);
        Assert.Equal(container.Config.Annotations, status.Annotations);
        Assert.Equal(image.ConfigDigest, status.ImageId);
        Assert.Equal($"{image.Repository}@{image.IndexDigest}", status.ImageRef);
        Assert.Equal(image.Reference, status.Image.Image);
        Assert.Equal(container.LogPath, status.LogPath);
        var listed = Assert.Single((await ListAsync(new ContainerFilter { Id = container.Id[..13] })).Containers);
        Assert.Equal(container.Config.Annotations, listed.Annotations);
        Assert.Equal(container.Config.Labels, listed.Labels);
        Assert.Equal((pod.Id, image.ConfigDigest, ContainerState.ContainerRunning), (listed.PodSandboxId, listed.ImageId, listed.State));
        Assert.Equal(status.CreatedAt, listed.CreatedAt);
    }

    [Fact]
    public async Task ListFiltersByStatePodAndLabels()
    {
        var (first, second) = (await RunPodAsync(), await RunPodAsync());
        var running = await first.RunAsync("sleep 1000", c => c.Labels["app"] = "a");
        var created = await first.CreateAsync("sleep 1000", c => c.Labels["app"] = "b");
        var other = await second.RunAsync("sleep 1000", c => c.Labels["app"] = "a");
        Assert.Equal([created.Id], await IdsAsync(new ContainerFilter { State = new ContainerStateValue { State = ContainerState.ContainerCreated } }));
        Assert.Equal([other.Id], await IdsAsync(new ContainerFilter { PodSandboxId = second.Id }));
        Assert.Equal(Sorted(running.Id, other.Id), await IdsAsync(new ContainerFilter { LabelSelector = { ["app"] = "a" } }));
        Assert.Equal([running.Id], await IdsAsync(new ContainerFilter { PodSandboxId = first.Id, LabelSelector = { ["app"] = "a" } }));
        Assert.Empty(await IdsAsync(new ContainerFilter { PodSandboxId = Unknown }));
    }

    [Fact]
    public async Task UnknownIdsHaveTheExactCodes()
    {
        await RefusedAsync(StatusCode.NotFound, Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = Unknown }), Unknown);
        await RefusedAsync(StatusCode.NotFound, Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = Unknown }), Unknown);
        await RefusedAsync(StatusCode.NotFound, Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = Unknown }), Unknown);
        await RefusedAsync(StatusCode.NotFound, Runtime.ReopenContainerLogAsync(new ReopenContainerLogRequest { ContainerId = Unknown }), Unknown);
        await RefusedAsync(StatusCode.NotFound, Runtime.ExecSyncAsync(new ExecSyncRequest { ContainerId = Unknown, Cmd = { "true" } }), Unknown);
        await RefusedAsync(StatusCode.NotFound, Runtime.UpdateContainerResourcesAsync(
            new UpdateContainerResourcesRequest { ContainerId = Unknown, Linux = new LinuxContainerResources { CpuShares = 5 } }), Unknown);
        await Runtime.StopContainerAsync(new StopContainerRequest { ContainerId = Unknown });
        await Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = Unknown });
        await RefusedAsync(StatusCode.NotFound, Runtime.CreateContainerAsync(new CreateContainerRequest
        {
            PodSandboxId = Unknown,
            Config = await (await RunPodAsync()).ContainerConfigAsync("true"),
            SandboxConfig = PodConfig(),
        }), Unknown);
    }

    [Fact]
    public async Task NothingIsCreatedInAStoppedPod()
    {
        var pod = await RunPodAsync();
        await pod.StopAsync();
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => pod.CreateAsync("true"), pod.Id);
    }

    [Fact]
    public async Task AnImageThatIsNotHereIsNotFound() => await Faults.ExpectAsync(
        StatusCode.NotFound, async () => await (await RunPodAsync()).CreateAsync("true", c => c.Image.Image = "registry.invalid/none:1"), "registry.invalid/none:1");

    public static TheoryData<string, Action<ContainerConfig>> BadContainers => new()
    {
        { "name", c => c.Metadata.Name = "" },
        { "metadata", c => c.Metadata = null },
        { "image", c => c.Image = null },
        { "working", c => c.WorkingDir = "relative" },
        { "env", c => c.Envs.Add(new KeyValue { Key = "A=B", Value = Google.Protobuf.ByteString.CopyFromUtf8("x") }) },
        { "env", c => c.Envs.Add(new KeyValue { Key = "", Value = Google.Protobuf.ByteString.CopyFromUtf8("x") }) },
        { "log", c => c.LogPath = "../escape.log" },
        { "log", c => c.LogPath = "/absolute.log" },
        { "group", c => c.Linux.SecurityContext.RunAsGroup = new Int64Value { Value = 5 } },
        { "user", c => c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1L << 31 } },
        { "user", c => c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = -1 } },
        { "user", c => c.Linux.SecurityContext.RunAsUsername = "no-such-user" },
        { "capabilit", c => c.Linux.SecurityContext.Capabilities = new Capability { AddCapabilities = { "CAP_EVERYTHING" } } },
        { "seccomp", c => c.Linux.SecurityContext.Seccomp = Localhost("") },
        { "seccomp", c => c.Linux.SecurityContext.Seccomp = Localhost("/no/such/profile.json") },
        { "mount", c => c.Mounts.Add(new Mount { HostPath = "relative/source", ContainerPath = "/mnt" }) },
        { "mount", c => c.Mounts.Add(new Mount { HostPath = "/etc", ContainerPath = "" }) },
        { "device", c => c.Devices.Add(new Device { HostPath = "/dev/no-such-device", ContainerPath = "/dev/x", Permissions = "rw" }) },
        { "device", c => c.Devices.Add(new Device { HostPath = "/dev/null", ContainerPath = "/dev/x", Permissions = "rwx" }) },
        { "memory", c => c.Linux.Resources.MemoryLimitInBytes = -5 },
        { "cpuset", c => c.Linux.Resources.CpusetCpus = "0-9999" },
        { "none", c => c.Linux.SecurityContext.NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Target, TargetId = "none" } },
        { "cdi", c => c.CDIDevices.Add(new CDIDevice { Name = "vendor.com/gpu=0" }) },
    };

    [Theory]
    [MemberData(nameof(BadContainers))]
    public async Task ABadRequestIsRefusedInCreateAndLeavesNothing(string word, Action<ContainerConfig> spoil)
    {
        var pod = await RunPodAsync();
        var fault = await Assert.ThrowsAsync<RpcException>(() => pod.CreateAsync("sleep 1000", spoil));
        Assert.True(fault.StatusCode is StatusCode.InvalidArgument or StatusCode.NotFound or StatusCode.FailedPrecondition or StatusCode.Unimplemented, fault.ToString());
        Assert.Contains(word, fault.Status.Detail, StringComparison.OrdinalIgnoreCase);
        Assert.Empty((await ListAsync(null)).Containers);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(World.Root, "containers")));
    }

    [Fact]
    public async Task TheSameRequestAgainIsTheSameContainerAndAnotherIsRefused()
    {
        var pod = await RunPodAsync();
        var config = await pod.ContainerConfigAsync("sleep 1000");
        var ids = await Task.WhenAll(Enumerable.Range(0, 5).Select(async _ => (await Runtime.CreateContainerAsync(pod.Request(config))).ContainerId));
        Assert.Single(ids.Distinct());
        var other = config.Clone();
        other.WorkingDir = "/tmp";
        await RefusedAsync(StatusCode.AlreadyExists, Runtime.CreateContainerAsync(pod.Request(other)), config.Metadata.Name);
        var next = config.Clone();
        next.Metadata.Attempt = 1;
        Assert.DoesNotContain((await Runtime.CreateContainerAsync(pod.Request(next))).ContainerId, ids);
    }

    [Fact]
    public async Task ARetryAfterAClientThatGaveUpGetsTheSameContainer()
    {
        var pod = await RunPodAsync();
        var request = pod.Request(await pod.ContainerConfigAsync("sleep 1000"));
        using var impatient = new CancellationTokenSource(TimeSpan.FromMilliseconds(10));
        await Assert.ThrowsAsync<RpcException>(() => Runtime.CreateContainerAsync(request, cancellationToken: impatient.Token).ResponseAsync);
        var id = (await Runtime.CreateContainerAsync(request)).ContainerId;
        Assert.Equal([id], await IdsAsync(null));
        await Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = id });
    }

    [Fact]
    public async Task RemoveKillsWhatRunsAndIsIdempotent()
    {
        var container = await RunAsync("trap '' TERM; while :; do sleep 1; done");
        var pid = await container.PidAsync();
        await container.RemoveAsync();
        await container.RemoveAsync();
        Assert.False(Processes.IsAlive(pid));
    }

    [Fact]
    public async Task VerboseInfoHasTheKeysThatNodeToolsRead()
    {
        var container = await RunAsync("sleep 1000");
        var info = await container.InfoAsync();
        Assert.Equal(container.Pod.Id, info.GetProperty("sandboxID").GetString());
        Assert.Equal(JsonValueKind.String, info.GetProperty("snapshotKey").ValueKind);
        Assert.Equal(1, info.GetProperty("generation").GetInt32());
        Assert.Equal("/bin/sh", info.GetProperty("runtimeSpec").GetProperty("process").GetProperty("args")[0].GetString());
        var pid = info.GetProperty("pid").GetInt32();
        Assert.Contains("sleep", Processes.Read(pid, "cmdline"), StringComparison.Ordinal);
        await container.StopAsync(0);
        Assert.Equal(0, (await container.InfoAsync()).GetProperty("pid").GetInt32());
    }

    [Fact]
    public async Task AShimIsOneThreadedAndListensForRootAlone()
    {
        var container = await RunAsync("sleep 1000");
        var socket = Path.Combine(World.State, "c", container.Id[..16], "shim.sock");
        Assert.Equal("600", (await Command.ShellAsync($"stat -c %a {socket}")).Trim());
        var shim = Processes.ParentOf(await container.PidAsync());
        Assert.Contains("shimruntime-shim", Processes.Link(shim, "exe"), StringComparison.Ordinal);
        Assert.InRange(Directory.GetDirectories($"/proc/{shim}/task").Length, 1, 3);
    }

    private static SecurityProfile Localhost(string path) =>
        new() { ProfileType = SecurityProfile.Types.ProfileType.Localhost, LocalhostRef = path };

    private static string[] Sorted(params string[] ids) => [.. ids.Order(StringComparer.Ordinal)];

    private async Task<string[]> IdsAsync(ContainerFilter? filter) => Sorted([.. (await ListAsync(filter)).Containers.Select(c => c.Id)]);

    private async Task<ListContainersResponse> ListAsync(ContainerFilter? filter) =>
        await Runtime.ListContainersAsync(new ListContainersRequest { Filter = filter });
}
