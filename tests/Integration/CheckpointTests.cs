using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>
/// CheckpointContainer, CheckpointPod, RestorePod and CreateContainer of a checkpoint: what is refused, and that nothing is changed by it.
/// Where CRIU can work the archive is made and read; the whole way back is tests/Vm/guest.d/45-checkpoint.sh.
/// </summary>
public sealed class CheckpointTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Canary = "/srt-checkpoint-canary";

    public static TheoryData<string, Func<byte[]>, StatusCode, string> Archives => new()
    {
        { "dotdot", () => Sound().File("../../../../../../.." + Canary, "x").Tar(), StatusCode.InvalidArgument, "leads out" },
        { "absolute", () => Sound().File(Canary, "x").Tar(), StatusCode.InvalidArgument, "leads out" },
        { "symlink", () => Sound().Symlink("artifacts", "/etc").File("artifacts/x", "x").Tar(), StatusCode.InvalidArgument, "neither a file nor" },
        { "hard link", () => Sound().HardLink("stolen", "config.dump").Tar(), StatusCode.InvalidArgument, "neither a file nor" },
        { "device", () => Sound().Device("sda", 8, 0).Tar(), StatusCode.InvalidArgument, "neither a file nor" },
        { "twice", () => Sound().File("config.dump", "{}").Tar(), StatusCode.InvalidArgument, "twice" },
        { "giant", () => ArchiveBuilder.Claiming("checkpoint/pages-1.img", long.MaxValue), StatusCode.InvalidArgument, "" },
        { "cut off", () => Sound().Tar()[..700], StatusCode.InvalidArgument, "" },
        { "no archive", () => [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7))], StatusCode.InvalidArgument, "" },
        { "another's", () => Sound().Tar(), StatusCode.FailedPrecondition, "not sealed" },
        { "a forged seal", () => Sound().File("shimruntime.seal", "shimruntime checkpoint seal 1\nhmac-sha256 00\n").Tar(), StatusCode.FailedPrecondition, "was changed" },
    };

    [Theory]
    [MemberData(nameof(Archives))]
    public async Task AHostileArchiveIsRefusedAndNothingIsLeft(string name, Func<byte[]> build, StatusCode code, string words)
    {
        var path = Path.Combine(World.Root, $"{name.Replace(' ', '-')}.tar");
        await File.WriteAllBytesAsync(path, build());
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(code, () => pod.CreateAsync("true", c => c.Image = new ImageSpec { Image = path }), words);
        var restore = new RestorePodRequest { CheckpointPath = path, Config = PodConfig() };
        await RefusedAsync(code, Runtime.RestorePodAsync(restore), words);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(World.Root, "staging")));
        Assert.False(File.Exists(Canary));
        Assert.Single((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
        File.Delete(path);
    }

    [Fact]
    public async Task WhatIsNoArchiveIsSaid()
    {
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(StatusCode.NotFound, () => Of("/no/such.tar"), "/no/such.tar");
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => Of("/etc"), "no regular file");
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => Of("/tmp/../etc/passwd"), "'..'");
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => Of("/dev/zero"), "no regular file");
        Task Of(string path) => pod.CreateAsync("true", c => c.Image = new ImageSpec { Image = path });
    }

    [Fact]
    public async Task ABadRequestNamesItsFieldAndTouchesNothing()
    {
        var container = await RunAsync("sleep 1000");
        await RefusedAsync(StatusCode.NotFound, Checkpoint("fedcba98", "/tmp/x.tar"), "fedcba98");
        await RefusedAsync(StatusCode.InvalidArgument, Checkpoint(container.Id, ""), "location");
        await RefusedAsync(StatusCode.InvalidArgument, Checkpoint(container.Id, "x.tar"), "location");
        await RefusedAsync(StatusCode.InvalidArgument, Checkpoint(container.Id, "/no/such/directory/x.tar"), "location");
        await RefusedAsync(StatusCode.InvalidArgument, Checkpoint(container.Id, Path.Combine(World.Root, "x.tar"), -1), "timeout");
        var pod = container.Pod.Id;
        await RefusedAsync(StatusCode.NotFound, Runtime.CheckpointPodAsync(new CheckpointPodRequest { PodSandboxId = "fedcba98", OutputPath = "/tmp/x" }));
        var options = new CheckpointPodRequest { PodSandboxId = pod, OutputPath = Path.Combine(World.Root, "x.tar"), Options = { ["leave"] = "1" } };
        await RefusedAsync(StatusCode.InvalidArgument, Runtime.CheckpointPodAsync(options), "options", "leave");
        await RefusedAsync(StatusCode.InvalidArgument, Runtime.RestorePodAsync(new RestorePodRequest { CheckpointPath = "/x" }), "config");
        await RefusedAsync(StatusCode.InvalidArgument, Runtime.RestorePodAsync(new RestorePodRequest { Config = PodConfig() }), "checkpoint_path");
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
        await container.StopAsync(0);
        await RefusedAsync(StatusCode.FailedPrecondition, Checkpoint(container.Id, Path.Combine(World.Root, "x.tar")), "exited");
    }

    /// <summary>CRIU's own check is the judge: where it fails the refusal says why, where it does not there is an archive. It may not be installed.</summary>
    [Fact]
    public async Task WhereCriuCannotWorkTheReasonIsItsOwnAndTheContainerRunsOn()
    {
        var container = await RunAsync("n=0; while :; do n=$((n+1)); echo $n; sleep 0.1; done");
        var path = Path.Combine(World.Root, "c.tar");
        const int notFound = 127;
        var criu = await Command.RunAsync("sh", ["-c", "criu check 2>&1"]);
        if (criu.ExitCode == 0)
        {
            await Checkpoint(container.Id, path);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            File.Delete(path);
        }
        else
        {
            var reason = criu.ExitCode == notFound ? "CRIU is not installed" : criu.Output.Split('\n')[0];
            await RefusedAsync(StatusCode.FailedPrecondition, Checkpoint(container.Id, path), reason, criu.ExitCode == notFound ? "install it" : "kernel");
            await RefusedAsync(StatusCode.FailedPrecondition,
                Runtime.CheckpointPodAsync(new CheckpointPodRequest { PodSandboxId = container.Pod.Id, OutputPath = path }), reason);
            Assert.False(File.Exists(path));
        }

        var seen = container.Log().Lines("stdout").Count;
        await Eventually.True(() => container.Log().Lines("stdout").Count > seen + 2, "the container goes on");
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(World.Root, "staging")));
    }

    private AsyncUnaryCall<CheckpointContainerResponse> Checkpoint(string id, string location, long timeout = 0) =>
        Runtime.CheckpointContainerAsync(new CheckpointContainerRequest { ContainerId = id, Location = location, Timeout = timeout });

    private static LayerBuilder Sound() => new LayerBuilder()
        .File("checkpoint/descriptors.json", "[\"/dev/null\",\"/dev/null\",\"/dev/null\"]")
        .File("config.dump", "{\"rootfsImageName\":\"none.test/none:1\"}")
        .File("spec.dump", "{}");
}
