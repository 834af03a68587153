using System.Text.Json.Nodes;
using Google.Protobuf;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>What a container's first process is: arguments, environment, directory, user and groups, terminal, stdin.</summary>
public sealed class ProcessTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Ids = "grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr -s '\\t ' ' ' | sed 's/ $//'";

    [Theory]
    [InlineData(new string[0], new string[0], "entry cmd")]
    [InlineData(new string[0], new[] { "mine" }, "entry mine")]
    [InlineData(new[] { "/bin/echo", "command" }, new string[0], "command")]
    [InlineData(new[] { "/bin/echo", "command" }, new[] { "args" }, "command args")]
    public async Task CommandAndArgsOverrideEntrypointAndCmdAsInKubernetes(string[] command, string[] args, string expected)
    {
        var image = await PushAsync("merge", b => b.With("Entrypoint", new JsonArray("/bin/echo", "entry")).With("Cmd", new JsonArray("cmd")));
        Assert.Equal(expected, await OutputAsync("", c =>
        {
            c.Image.Image = image;
            c.Command.Clear();
            c.Command.Add(command);
            c.Args.Add(args);
        }));
    }

    [Fact]
    public async Task AnImageWithoutACommandIsRefusedInCreate()
    {
        var image = await PushAsync("nocommand", b => b);
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => pod.CreateAsync("", c =>
        {
            c.Image.Image = image;
            c.Command.Clear();
        }), "command");
    }

    [Fact]
    public async Task TheEnvironmentIsTheImagesThenThePodsWhateverIsInIt()
    {
        var image = await PushAsync("env", b => b.With("Env", new JsonArray("PATH=/bin", "FROM_IMAGE=1", "BOTH=image")).With("Cmd", new JsonArray("env")));
        var container = await (await RunPodAsync()).RunAsync("sleep 1000", c =>
        {
            c.Image.Image = image;
            c.Envs.Add(new KeyValue { Key = "BOTH", Value = ByteString.CopyFromUtf8("pod") });
            c.Envs.Add(new KeyValue { Key = "LINES", Value = ByteString.CopyFromUtf8("ü\ny=\"z\"") });
        });
        var pid = await container.PidAsync();
        // Still that of runc init, or empty, while the process executes the next program.
        var text = await Eventually.Value(() => Task.FromResult(Processes.Read(pid, "environ")), t => t.Contains("HOSTNAME", StringComparison.Ordinal), "the environment");
        var variables = text.Split('\0', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("FROM_IMAGE=1", variables);
        Assert.Contains("BOTH=pod", variables);
        Assert.DoesNotContain("BOTH=image", variables);
        Assert.Contains("LINES=ü\ny=\"z\"", variables);
        Assert.Contains("HOSTNAME=pod", variables);
        Assert.All(variables, v => Assert.Contains(v.Split('=')[0], new[] { "PATH", "FROM_IMAGE", "BOTH", "LINES", "HOSTNAME", "HOME", "SHLVL", "PWD" }));
    }

    [Fact]
    public async Task BytesThatNoJsonCarriesAreRefusedNotGarbled() => await Faults.ExpectAsync(
        StatusCode.InvalidArgument,
        async () => await (await RunPodAsync()).CreateAsync("env", c => c.Envs.Add(new KeyValue { Key = "BINARY", Value = ByteString.CopyFrom(0xff, 0xfe) })),
        "BINARY");

    [Fact]
    public async Task TheWorkingDirectoryIsMadeWhenMissing()
    {
        Assert.Equal("/made/for/me", await OutputAsync("pwd", c => c.WorkingDir = "/made/for/me"));
        var image = await PushAsync("workdir", b => b.With("WorkingDir", "/from/image"));
        Assert.Equal("/from/image", await OutputAsync("pwd", c => c.Image.Image = image));
    }

    [Theory]
    [InlineData("", "Uid: 0 0 0 0\nGid: 0 0 0 0\nGroups: 0")]
    [InlineData("1000", "Uid: 1000 1000 1000 1000\nGid: 1000 1000 1000 1000\nGroups: 1000 50000 50001")]
    [InlineData("alice", "Uid: 1000 1000 1000 1000\nGid: 1000 1000 1000 1000\nGroups: 1000 50000 50001")]
    [InlineData("alice:www-data", "Uid: 1000 1000 1000 1000\nGid: 33 33 33 33\nGroups: 33 50000 50001")]
    [InlineData("4711", "Uid: 4711 4711 4711 4711\nGid: 0 0 0 0\nGroups: 0")]
    [InlineData("4711:4712", "Uid: 4711 4711 4711 4711\nGid: 4712 4712 4712 4712\nGroups: 4712")]
    public async Task TheImagesUserIsLookedUpInTheImagesFiles(string user, string expected)
    {
        var image = await PushAsync("user" + Digests.Of(System.Text.Encoding.UTF8.GetBytes(user))[7..15], b => b.With("User", user));
        Assert.Equal(expected, await OutputAsync(Ids, c => c.Image.Image = image));
    }

    [Fact]
    public async Task ThePodsUserGroupAndSupplementalGroupsMergeWithTheImages()
    {
        Assert.Equal("Uid: 1000 1000 1000 1000\nGid: 777 777 777 777\nGroups: 777 888 50000 50001", await OutputAsync(Ids, c => As(c, 1000, 777, 888)));
        Assert.Equal("Uid: 33 33 33 33\nGid: 33 33 33 33\nGroups: 33 50001", await OutputAsync(Ids, c => c.Linux.SecurityContext.RunAsUsername = "www-data"));
    }

    [Fact]
    public async Task StrictGroupsAreThoseOfThePodAlone()
    {
        var container = await RunAsync($"{Ids}; sleep 1000", c =>
        {
            As(c, 1000, 777, 888);
            c.Linux.SecurityContext.SupplementalGroupsPolicy = SupplementalGroupsPolicy.Strict;
        });
        await container.LoggedAsync("Groups: 777 888");
        var user = (await container.StatusAsync()).User.Linux;
        Assert.Equal((1000L, 777L), (user.Uid, user.Gid));
        Assert.Equal([777L, 888L], user.SupplementalGroups.Order());
    }

    [Fact]
    public async Task ATerminalIsATerminal()
    {
        var container = await RunAsync("tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; echo err >&2", c =>
        {
            c.Tty = true;
            c.Stdin = true;
        });
        await container.ExitedAsync();
        // A terminal has one stream, and its driver ends lines with CR LF.
        Assert.Equal(["/dev/pts/0", "all", "err"], container.Log().Lines("stdout").Select(l => l.TrimEnd('\r')));
        Assert.Empty(container.Log().Lines("stderr"));
    }

    [Fact]
    public async Task WithoutStdinItReadsAsEmptyAndWithStdinItStaysOpen()
    {
        Assert.Equal("ended", await OutputAsync("cat && echo ended"));
        var waiting = await RunAsync("cat && echo ended", c => c.Stdin = true);
        await Eventually.Value(() => waiting.ExecAsync("ps -o args"), p => p.Split('\n').Contains("cat"), "it reads");
        // It would have ended by the time of this second exec.
        Assert.Contains("cat", (await waiting.ExecAsync("ps -o args")).Split('\n'));
        Assert.Equal(ContainerState.ContainerRunning, (await waiting.StatusAsync()).State);
    }

    [Fact]
    public async Task TheStopSignalIsTheContainersOrTheImages()
    {
        var image = await PushAsync("stopsignal", b => b.With("StopSignal", "SIGUSR1"));
        const string script = "trap 'echo usr1; exit 3' USR1; trap 'echo usr2; exit 4' USR2; echo up; while :; do sleep 0.1; done";
        var byImage = await RunAsync(script, c => c.Image.Image = image);
        var byPod = await byImage.Pod.RunAsync(script, c =>
        {
            c.Image.Image = image;
            c.StopSignal = Signal.Sigusr2;
        });
        await byImage.LoggedAsync("up");
        await byPod.LoggedAsync("up");
        await Task.WhenAll(byImage.StopAsync(20), byPod.StopAsync(20));
        Assert.Equal(3, (await byImage.StatusAsync()).ExitCode);
        Assert.Equal(4, (await byPod.StatusAsync()).ExitCode);
        Assert.Equal(Signal.Sigusr2, (await byPod.StatusAsync()).StopSignal);
    }

    private static void As(ContainerConfig config, long uid, long gid, params long[] groups)
    {
        config.Linux.SecurityContext.RunAsUser = new Int64Value { Value = uid };
        config.Linux.SecurityContext.RunAsGroup = new Int64Value { Value = gid };
        config.Linux.SecurityContext.SupplementalGroups.Add(groups);
    }

    private async Task<string> PushAsync(string name, Func<ImageBuilder, ImageBuilder> change)
    {
        var image = await change(await TestImages.OnBusyboxAsync()).PushAsync(await Registry.SharedAsync(), $"process/{name}");
        await Daemon.PullAsync(image.Reference);
        return image.Reference;
    }
}
