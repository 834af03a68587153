using Google.Protobuf;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Pods and containers made to hurt: the attack classes that reach a runtime through CRI and from inside.</summary>
public sealed class HostileRequestTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task ALogThroughASymlinkIsNotWritten()
    {
        var victim = Path.Combine(World.Shared, "victim");
        await File.WriteAllTextAsync(victim, "untouched");
        var pod = await RunPodAsync();
        File.CreateSymbolicLink(Path.Combine(pod.Config.LogDirectory, "evil.log"), victim);
        var fault = await Record.ExceptionAsync(async () => await (await pod.CreateAsync("echo owned", c => c.LogPath = "evil.log")).StartAsync());
        Assert.IsType<RpcException>(fault);
        Assert.Equal("untouched", await File.ReadAllTextAsync(victim));
    }

    [Fact]
    public async Task AReopenThroughASymlinkIsNotWritten()
    {
        var victim = Path.Combine(World.Shared, "victim-reopen");
        await File.WriteAllTextAsync(victim, "untouched");
        var container = await RunAsync("while :; do echo line; sleep 0.05; done");
        await container.LoggedAsync("line");
        File.Move(container.LogPath, container.LogPath + ".1");
        File.CreateSymbolicLink(container.LogPath, victim);
        await Assert.ThrowsAsync<RpcException>(container.ReopenLogAsync);
        // It goes on with the file that it has: what is written there was not written through the link.
        var written = new FileInfo(container.LogPath + ".1").Length;
        await Eventually.True(() => new FileInfo(container.LogPath + ".1").Length > written, "the old file is still written");
        Assert.Equal("untouched", await File.ReadAllTextAsync(victim));
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
    }

    [Theory]
    [InlineData("/proc/self/fd/7/")]
    [InlineData("/proc/self/fd/8/../../../etc")]
    [InlineData("/proc/thread-self/fd/9")]
    public async Task AWorkingDirectoryThroughAnInheritedFdLeadsNowhere(string directory)
    {
        // CVE-2024-21626: a leaked fd of the host, taken as working directory.
        var pod = await RunPodAsync();
        var container = await Record.ExceptionAsync(async () =>
        {
            var created = await pod.RunAsync("cat /etc/shadow 2>/dev/null; ls; sleep 1", c => c.WorkingDir = directory);
            await created.ExitedAsync();
            Assert.DoesNotContain(created.Log().Lines(), l => l.Contains("vmlinuz", StringComparison.Ordinal) || l.StartsWith("root:*", StringComparison.Ordinal));
        });
        if (container is not null) Assert.IsType<RpcException>(container);
    }

    [Fact]
    public async Task NoExecutableOfOursCanBeWrittenFromInside()
    {
        // CVE-2019-5736: /proc/<pid>/exe of whoever enters.
        var before = Digests.Of(await File.ReadAllBytesAsync(Installation.Tool("runc")));
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.Privileged = true);
        var container = await pod.RunAsync(
            "while :; do for p in /proc/[0-9]*; do e=$(readlink $p/exe 2>/dev/null); case $e in *runc*|*shim*) (echo x >> $p/exe) 2>/dev/null && echo wrote;; esac; done; done",
            c => c.Linux.SecurityContext.Privileged = true);
        for (var i = 0; i < 5; i++) await container.ExecSyncAsync(10, "true");
        Assert.DoesNotContain("wrote", container.Log().Lines());
        Assert.Equal(before, Digests.Of(await File.ReadAllBytesAsync(Installation.Tool("runc"))));
    }

    [Fact]
    public async Task EnvironmentsInParallelNeverMix()
    {
        var pod = await RunPodAsync();
        var containers = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => pod.RunAsync("env | grep CANARY; sleep 1000", c =>
            c.Envs.Add(new KeyValue { Key = $"CANARY_{i}", Value = ByteString.CopyFromUtf8($"secret-{i}") }))));
        for (var i = 0; i < containers.Length; i++)
        {
            await containers[i].LoggedAsync($"CANARY_{i}=secret-{i}");
            Assert.Equal([$"CANARY_{i}=secret-{i}"], containers[i].Log().Lines());
        }
    }

    [Fact]
    public async Task AnnotationsAndLabelsOfAPodOrImageNameNothingToRun()
    {
        var mark = Path.Combine(World.Shared, "executed");
        var pod = await RunPodAsync(p =>
        {
            foreach (var key in new[] { "io.kubernetes.cri-o.hooks", "run.oci.handler", "org.systemd.property.ExecStartPost", "cdi.k8s.io/x", "module.wasm.image/variant" })
            {
                p.Annotations[key] = $"touch {mark}";
            }
        });
        var container = await pod.RunAsync("sleep 1000", c =>
        {
            c.Annotations["run.oci.hooks.stdout"] = mark;
        });
        var spec = (await container.InfoAsync()).GetProperty("runtimeSpec");
        Assert.False(spec.TryGetProperty("hooks", out var hooks) && hooks.ValueKind == System.Text.Json.JsonValueKind.Object && hooks.EnumerateObject().Any());
        Assert.False(File.Exists(mark));
    }

    [Fact]
    public async Task ANewlineInEnvUserOrHomeMakesNoFileInTheRootfs()
    {
        var container = await RunAsync("sleep 1000", c =>
        {
            c.Envs.Add(new KeyValue { Key = "HOME", Value = ByteString.CopyFromUtf8("/x:0:0::/:\nevil:x:0:0::/:/bin/sh") });
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 54321 };
        });
        Assert.Equal(TestImages.Passwd.TrimEnd(), await container.ExecAsync("cat /etc/passwd"));
    }

    [Theory]
    [InlineData(2_000_000)]
    [InlineData(18_000_000)]
    public async Task OversizedRequestsAreRefusedWithTheLimitNamed(int bytes)
    {
        var pod = PodConfig(p => p.Annotations["big"] = new string('x', bytes));
        var fault = await Assert.ThrowsAsync<RpcException>(() => Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = pod }).ResponseAsync);
        Assert.Contains(fault.StatusCode, new[] { StatusCode.InvalidArgument, StatusCode.ResourceExhausted });
        Assert.Empty((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
    }

    public static TheoryData<string, Action<ContainerConfig>> Spoilt => new()
    {
        { "labels", c => c.Labels["big"] = new string('x', 10 << 20) },
        { "labels", c => { for (var i = 0; i < 100_000; i++) c.Labels[$"l{i}"] = ""; } },
        { "mounts", c => c.Mounts.AddRange(Enumerable.Range(0, 100_000).Select(_ => new Mount())) },
        { "devices", c => c.Devices.AddRange(Enumerable.Range(0, 100_000).Select(_ => new Device())) },
        { "CDI_devices", c => c.CDIDevices.AddRange(Enumerable.Range(0, 100_000).Select(_ => new CDIDevice())) },
        { "envs[0].value", c => c.Envs.Add(new KeyValue { Key = "K", Value = ByteString.CopyFrom(0xC0, 0x80) }) },
        { "envs[0].key", c => c.Envs.Add(new KeyValue { Key = "K=", Value = ByteString.CopyFromUtf8("v") }) },
        { "args[0]", c => c.Args.Add("a\0b") },
        { "mounts[1].container_path", c => c.Mounts.AddRange([new Mount { HostPath = "/dev", ContainerPath = "/a" }, new Mount { HostPath = "/dev", ContainerPath = "/a/" }]) },
        { "mounts[0].host_path", c => c.Mounts.Add(new Mount { HostPath = "/etc/../root", ContainerPath = "/a" }) },
        { "mounts[0].mount_options", c => c.Mounts.Add(new Mount { HostPath = "/dev", ContainerPath = "/a", MountOptions = { "bind,exec" } }) },
        { "working_dir", c => c.WorkingDir = "../x" },
        { "log_path", c => c.LogPath = "../x" },
        { "run_as_user", c => c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1L << 32 } },
        { "supplemental_groups[0]", c => c.Linux.SecurityContext.SupplementalGroups.Add(-1) },
        { "masked_paths[0]", c => c.Linux.SecurityContext.MaskedPaths.Add("proc") },
        { "oom_score_adj", c => c.Linux.Resources.OomScoreAdj = long.MinValue },
        { "metadata.name", c => c.Metadata.Name = new string('n', 254) },
    };

    [Theory]
    [MemberData(nameof(Spoilt))]
    public async Task AFieldOutOfRangeIsRefusedByNameAndMakesNothing(string field, Action<ContainerConfig> change)
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Node);
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => pod.CreateAsync("true", change), field);
        Assert.Empty((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
    }

    [Fact]
    public async Task CyclicSymlinksOnTheHostAreNoMountSource()
    {
        var (a, b) = (Path.Combine(World.Shared, "loop-a"), Path.Combine(World.Shared, "loop-b"));
        File.CreateSymbolicLink(a, b);
        File.CreateSymbolicLink(b, a);
        var pod = await RunPodAsync();
        foreach (var path in new[] { a, a + "/below" })
        {
            await Faults.ExpectAsync(
                StatusCode.InvalidArgument, () => pod.CreateAsync("true", c => c.Mounts.Add(new Mount { HostPath = path, ContainerPath = "/x" })), "mounts[0].host_path");
        }
    }

    [Theory]
    [InlineData("CreateContainer")]
    [InlineData("RunPodSandbox")]
    [InlineData("StopContainer")]
    public async Task BytesThatAreNoMessageOrNoTextAreRefusedAndNothingElse(string rpc)
    {
        // Field 1 of each of them: a length that is not there; text that is not UTF-8.
        foreach (var bytes in new byte[][] { [0x0A, 0x7F], [0x0A, 0x02, 0xC0, 0x80], [0xFF, 0xFF, 0xFF], [.. Enumerable.Repeat((byte)0x0B, 10_000)] })
        {
            var method = new Method<byte[], byte[]>(MethodType.Unary, "runtime.v1.RuntimeService", rpc, Marshaller, Marshaller);
            var fault = await Record.ExceptionAsync(() => Daemon.Client.Calls.AsyncUnaryCall(method, null, new CallOptions(), bytes).ResponseAsync);
            if (fault is not null) Assert.IsType<RpcException>(fault);
        }

        Assert.Empty((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
        Assert.Equal("fine", await OutputAsync("echo fine"));
    }

    private static readonly Marshaller<byte[]> Marshaller = Marshallers.Create<byte[]>(bytes => bytes, bytes => bytes);

    [Fact]
    public async Task AFloodOfOutputDoesNotGrowTheShim()
    {
        var container = await RunAsync("head -c 200000000 /dev/zero | tr '\\0' '\\n'; echo end; sleep 1000", c => c.LogPath = "");
        var shim = Processes.ParentOf(await container.PidAsync());
        await Eventually.Value(
            () => container.ExecAsync("ps -o args | grep -c '[h]ead -c' || true"), t => t == "0", "the flood is over", TimeSpan.FromSeconds(90));
        var resident = int.Parse(Processes.Field(Processes.Read(shim, "status"), "VmRSS").Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(resident, 1, 40_000);
    }

    [Fact]
    public async Task TheShimsSocketRefusesWhoIsNotRoot()
    {
        var container = await RunAsync("sleep 1000");
        var socket = Path.Combine(World.State, "c", container.Id[..16], "shim.sock");
        var result = await Command.RunAsync("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", Installation.Tool("busybox"), "nc", "local:" + socket]);
        Assert.NotEqual(0, result.ExitCode);
    }

    [Fact]
    public async Task SixtyChildrenDieWithTheirContainer()
    {
        var container = await RunAsync("for i in $(seq 60); do sleep 7777 & done; echo up; wait");
        await container.LoggedAsync("up");
        await container.StopAsync(0);
        Assert.DoesNotContain(Processes.All(), p => Processes.Read(p, "cgroup").Contains(container.Id, StringComparison.Ordinal) && Processes.IsAlive(p));
    }
}
