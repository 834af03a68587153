using System.Globalization;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>
/// What a child inherits, seen from inside a container, an exec and a CNI plugin, of a daemon that was started as badly as can be: signals
/// ignored, an odd umask and directory, secrets and NOTIFY_SOCKET in its environment, open fds.
/// </summary>
public sealed class InheritanceTests(DaemonFixture daemon) : NodeTest(daemon)
{
    // SigBlk, SigIgn, umask, fds, cwd and environment names of the shell that runs it; fds before any pipe of its own.
    private const string Witness = """
        ls -l /proc/$$/fd
        grep -E '^(SigBlk|SigIgn|Umask)' /proc/self/status | tr -s '\t ' ' '
        echo "cwd $(readlink /proc/$$/cwd)"
        echo "env $(tr '\0' '\n' < /proc/$$/environ | cut -d= -f1 | sort | xargs)"
        """;

    protected override DaemonOptions Options { get; } = new()
    {
        Environment = ["CANARY_SECRET=of-the-daemon", "LISTEN_FDS=0"],
        Prelude = "umask 077; trap '' HUP INT QUIT PIPE USR1 USR2; cd /usr; exec 7</etc/passwd 8</etc 9>/dev/null",
    };

    [Fact]
    public async Task AContainerInheritsNothing()
    {
        var container = await RunAsync(Witness + "\nsleep 1000");
        await Eventually.True(() => container.Log().Lines().Any(l => l.StartsWith("env", StringComparison.Ordinal)), "the witness has spoken");
        AssertClean(container.Log().Lines("stdout"), "HOME HOSTNAME PATH");
        var pid = await container.PidAsync();
        Assert.DoesNotContain(Processes.FdTargets(pid), t => t.Contains("passwd", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnExecInheritsNothing()
    {
        var container = await RunAsync("sleep 1000");
        AssertClean((await container.ExecAsync(Witness)).Split('\n'), "HOME HOSTNAME PATH");
    }

    [Fact]
    public async Task ACniPluginInheritsNothing()
    {
        var report = Path.Combine(World.Base, "plugin-report");
        World.WritePlugin("witness", $"{{\n{Witness}\n}} > {report}\necho '{{\"cniVersion\":\"1.0.0\"}}'");
        var path = Path.Combine(World.CniConf, "10-test.conflist");
        var original = await File.ReadAllTextAsync(path);
        await File.WriteAllTextAsync(path, $"{{\"cniVersion\":\"1.0.0\",\"name\":\"{World.Network}\",\"plugins\":[{{\"type\":\"witness\"}}]}}");
        await Eventually.True(async () =>
        {
            await (await RunPodAsync()).RemoveAsync();
            return File.Exists(report);
        }, "the new conflist is in force");
        await File.WriteAllTextAsync(path, original);
        var lines = (await File.ReadAllTextAsync(report)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        AssertClean(lines, "CNI_ARGS CNI_COMMAND CNI_CONTAINERID CNI_IFNAME CNI_NETNS CNI_PATH PATH");
    }

    [Fact]
    public async Task AShimHasNoCanaryAndOnlyItsOwnFds()
    {
        var container = await RunAsync("sleep 1000");
        var shim = Processes.ParentOf(await container.PidAsync());
        Assert.DoesNotContain("CANARY", Processes.Read(shim, "environ"), StringComparison.Ordinal);
        Assert.DoesNotContain("NOTIFY_SOCKET", Processes.Read(shim, "environ"), StringComparison.Ordinal);
        Assert.Equal("/", Processes.Link(shim, "cwd"));
        Assert.All(Processes.FdTargets(shim), t => Assert.DoesNotContain("/etc", t, StringComparison.Ordinal));
        Assert.DoesNotContain(Processes.FdTargets(shim), t => t.Contains("certs.d", StringComparison.Ordinal) || t.Contains("cri.sock", StringComparison.Ordinal));
    }

    private static void AssertClean(IReadOnlyList<string> lines, string environment)
    {
        Assert.Contains("SigBlk: 0000000000000000", lines);
        var ignored = ulong.Parse(lines.Single(l => l.StartsWith("SigIgn: ", StringComparison.Ordinal))["SigIgn: ".Length..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        // glibc's posix_spawn leaves its own two signals, 32 and 33, ignored; nobody can send or use them through it.
        Assert.Equal(0UL, ignored & ~0x1_8000_0000UL);
        Assert.Contains("Umask: 0022", lines);
        // From 10 on are the shell's own.
        var open = lines.Where(l => l.Contains(" -> ", StringComparison.Ordinal)).Select(l => l.Split(" -> ")[0].Split(' ')[^1]);
        Assert.Equal(["0", "1", "2"], open.Where(n => n.Length == 1).Order());
        Assert.Contains("cwd /", lines);
        Assert.Contains($"env {environment}", lines);
    }
}
