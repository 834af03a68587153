using System.Diagnostics;
using System.Text.Json.Nodes;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Networking;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Networking;

/// <summary>Real processes: shell scripts in the place of plugins, so that each way of failing can be had.</summary>
public sealed class CniPluginRunnerTests : IDisposable
{
    private static readonly CniCall Add = new("ADD", "id", "/run/netns/x", "eth0", "IgnoreUnknown=1");
    private readonly string _directory = Directory.CreateTempSubdirectory("cni-bin-").FullName;
    private readonly ExitWatcher _exits = new();

    public void Dispose()
    {
        _exits.Dispose();
        Directory.Delete(_directory, true);
    }

    [Fact]
    public async Task The_configuration_comes_on_stdin_and_the_result_from_stdout()
    {
        Write("echoes", "cat");
        var result = await RunAsync("echoes", new JsonObject { ["name"] = "n" });
        Assert.Equal("""{"name":"n"}""", result!.ToJsonString());
    }

    [Fact]
    public async Task The_environment_is_the_protocols_and_nothing_of_ours()
    {
        Environment.SetEnvironmentVariable("NOTIFY_SOCKET", "/run/canary");
        Write("tells", """printf '{"env":"%s","fds":"%s"}' "$(tr '\0' ' ' < /proc/$$/environ)" "$(echo /proc/$$/fd/*)" """);
        var result = await RunAsync("tells", []);
        Assert.Equal(
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CNI_COMMAND=ADD CNI_CONTAINERID=id CNI_NETNS=/run/netns/x CNI_IFNAME=eth0 "
            + $"CNI_ARGS=IgnoreUnknown=1 CNI_PATH=/nowhere:{_directory} ",
            (string?)result!["env"]);
        // The shell itself holds the script at 10, and the pipe of $(…) at 3 and, until it has forked, 4.
        Assert.DoesNotContain(((string?)result["fds"])!.Split(' '), fd => int.Parse(Path.GetFileName(fd), null) is > 4 and not 10);
    }

    [Fact]
    public async Task The_plugins_own_error_is_told()
    {
        Write("refuses", """echo '{"cniVersion":"1.0.0","code":11,"msg":"no more addresses","details":"range is full"}'; exit 1""");
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => RunAsync("refuses", []));
        Assert.Equal("CNI plugin 'refuses' (ADD) failed: no more addresses: range is full (CNI error 11)", fault.Message);
    }

    [Fact]
    public async Task Without_an_error_object_stderr_speaks()
    {
        Write("crashes", "echo 'panic: oh no' >&2; kill -SEGV $$");
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => RunAsync("crashes", []));
        Assert.Equal("CNI plugin 'crashes' (ADD) failed: panic: oh no (signal 11)", fault.Message);
    }

    [Fact]
    public async Task Output_without_end_is_cut_off_by_the_kernel()
    {
        Write("floods", "exec dd if=/dev/zero bs=64k 2>/dev/null");
        await Assert.ThrowsAsync<RuntimeFault>(() => RunAsync("floods", []));
    }

    [Fact]
    public async Task A_result_that_is_no_object_is_an_error()
    {
        Write("babbles", "echo hello");
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => RunAsync("babbles", []));
        Assert.Contains("printed no JSON object: hello", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_hangs_is_killed_with_its_children()
    {
        Write("hangs", $"sleep 1000 & echo $! > {_directory}/child; wait");
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => RunAsync("hangs", [], TimeSpan.FromSeconds(1)));
        Assert.Equal(FaultCode.DeadlineExceeded, fault.Code);
        await AssertGoneAsync("child");
    }

    [Fact]
    public async Task Cancelling_kills_it_and_says_so()
    {
        Write("hangs", $"echo $$ > {_directory}/self; exec sleep 1000");
        using var cancel = new CancellationTokenSource();
        var run = RunAsync("hangs", [], cancellation: cancel.Token);
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_directory, "self")), 500);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        await AssertGoneAsync("self");
    }

    [Fact]
    public async Task A_daemon_that_it_leaves_behind_delays_nothing()
    {
        Write("leaves", $"(setsid sleep 30 & echo $! > {_directory}/left); echo '{{}}'");
        var watch = Stopwatch.StartNew();
        Assert.NotNull(await RunAsync("leaves", []));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{watch.Elapsed}");
        using var left = SafePidFd.TryOpen(int.Parse(File.ReadAllText(Path.Combine(_directory, "left")), null));
        left?.Signal(9);
    }

    [Fact]
    public async Task One_that_is_not_installed_says_where_it_was_looked_for()
    {
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => RunAsync("missing", []));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains($"none of /nowhere, {_directory}", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_cannot_be_started_is_named_and_keeps_no_other_from_its_DEL()
    {
        Write("first", $"echo $CNI_COMMAND >> {_directory}/calls");
        File.WriteAllText(Path.Combine(_directory, "broken"), "no program");
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => RunAsync("broken", []));
        Assert.Equal(FaultCode.Unavailable, fault.Code);
        Assert.StartsWith("CNI plugin 'broken' (ADD) can't be started: ", fault.Message, StringComparison.Ordinal);

        var chain = new CniChain(new CniPluginRunner([_directory], TimeSpan.FromSeconds(60), _exits));
        await Assert.ThrowsAsync<RuntimeFault>(() => chain.DeleteAsync(new CniAttachment
        {
            ContainerId = "id",
            NetnsPath = "/run/netns/gone",
            InterfaceName = "eth0",
            ConfigFile = "x.conflist",
            Config = (JsonObject)JsonNode.Parse("""{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"first"},{"type":"broken"}]}""")!,
            Arguments = "",
            Capabilities = [],
        }, CancellationToken.None));
        Assert.Equal("DEL\n", File.ReadAllText(Path.Combine(_directory, "calls")));
    }

    private Task<JsonObject?> RunAsync(string type, JsonObject config, TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        new CniPluginRunner(["/nowhere", _directory], timeout ?? TimeSpan.FromSeconds(60), _exits).RunAsync(new CniPlugin(type, []), config, Add, cancellation);

    private void Write(string name, string script) => PluginScript.Write(Path.Combine(_directory, name), script);

    private Task AssertGoneAsync(string pidFile)
    {
        var pid = int.Parse(File.ReadAllText(Path.Combine(_directory, pidFile)), null);
        return Eventually.TrueAsync(() => !File.Exists($"/proc/{pid}/cmdline") || File.ReadAllText($"/proc/{pid}/cmdline").Length == 0, 500);
    }
}
