using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Sandboxes;

/// <summary>A daemon that was killed, a machine that was rebooted, files that were torn.</summary>
public sealed class SandboxRecoveryTests : IDisposable
{
    private readonly SandboxWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_new_daemon_finds_a_ready_pod_as_it_was_and_can_end_it()
    {
        _world.UseBridge();
        var id = await (await _world.StartAsync()).RunAsync(SandboxWorld.Request(), CancellationToken.None);
        var before = Status(await RestartAsync(), id);
        File.Delete(_world.At("conf/10-bridge.conflist"));

        var sandboxes = await RestartAsync();
        Assert.Equal(before.Status, Status(sandboxes, id).Status);
        Assert.Equal(PodSandboxState.SandboxReady, before.Status.State);
        Assert.StartsWith(_world.Subnet, before.Status.Network.Ip, StringComparison.Ordinal);
        Assert.Equal(id, await sandboxes.RunAsync(SandboxWorld.Request(), CancellationToken.None));
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task A_creation_that_was_cut_short_is_undone_and_its_name_is_free()
    {
        _world.UseScript("hangs", $"echo $CNI_COMMAND >> {_world.At("calls")}; [ $CNI_COMMAND = DEL ] && exit 0; exec sleep 1000");
        var first = await _world.StartAsync();
        _ = first.RunAsync(SandboxWorld.Request(), CancellationToken.None);
        await Eventually.TrueAsync(() => File.Exists(_world.At("calls")));

        // As a kill -9 leaves it: the record says Creating. A copy, because this process undoes its own.
        Copy(_world.At("root"), _world.At("copy"));
        _world.KillDaemon();
        await Eventually.TrueAsync(() => _world.Leftovers().Count == 0);
        Directory.Delete(_world.At("root"), true);
        Directory.Move(_world.At("copy"), _world.At("root"));
        Assert.NotEmpty(_world.Leftovers());

        var sandboxes = await _world.StartAsync();
        Assert.Empty(sandboxes.List(null));
        await Eventually.TrueAsync(() => _world.Leftovers().Count == 0);
        Assert.Equal(["ADD", "DEL", "DEL"], File.ReadAllLines(_world.At("calls")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_a_reboot_a_pod_is_not_ready_and_its_address_is_released(bool withoutPower)
    {
        _world.UseBridge();
        var id = await (await _world.StartAsync()).RunAsync(SandboxWorld.Request(), CancellationToken.None);
        _world.KillDaemon();
        Edit(id, r => r.Replace(File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(), "another-boot", StringComparison.Ordinal));
        if (withoutPower)
        {
            // What was renamed and not synced is as before, or empty.
            Edit(id, r => r.Replace("\"Ready\"", "\"Creating\"", StringComparison.Ordinal));
            File.WriteAllText(_world.At($"root/sandboxes/{id}/cni-result.json"), "");
        }

        _ = MountPoint.UnmountBelow(_world.Directory);
        Directory.Delete(_world.At("state"), true);
        Directory.Delete(_world.At("netns"), true);

        var sandboxes = await _world.StartAsync();
        Assert.Equal(PodSandboxState.SandboxNotready, Status(sandboxes, id).Status.State);
        Assert.Equal("pod", Status(sandboxes, id).Status.Metadata.Name);
        await sandboxes.StopAsync(id, CancellationToken.None);
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Empty(_world.Leftovers());
    }

    [Theory]
    [InlineData("record.json", true)]
    [InlineData("request.pb", false)]
    public async Task What_was_not_synced_when_the_power_went_is_nobodys_riddle(string torn, bool listed)
    {
        _world.UseBridge();
        var id = await (await _world.StartAsync()).RunAsync(SandboxWorld.Request(), CancellationToken.None);
        _world.KillDaemon();
        if (!listed) Edit(id, r => r.Replace("\"Ready\"", "\"Creating\"", StringComparison.Ordinal)); // a request is synced before Ready is written
        File.WriteAllBytes(_world.At($"root/sandboxes/{id}/{torn}"), new byte[100]);
        _ = MountPoint.UnmountBelow(_world.Directory);
        Directory.Delete(_world.At("state"), true);
        Directory.Delete(_world.At("netns"), true);

        var sandboxes = await _world.StartAsync();
        Assert.Equal(listed ? [PodSandboxState.SandboxNotready] : [], sandboxes.List(null).Select(s => s.State));
        if (listed) await sandboxes.RemoveAsync(id, CancellationToken.None);
        await Eventually.TrueAsync(() => _world.Leftovers().Count == 0);
        Assert.False(Directory.Exists(_world.At("root/aside")));
    }

    [Fact]
    public async Task A_pin_that_is_gone_makes_its_pod_not_ready()
    {
        _world.UseBridge();
        var id = await (await _world.StartAsync()).RunAsync(SandboxWorld.Request(), CancellationToken.None);
        LinuxNamespace.Unpin(_world.At($"netns/shimruntime-{id[..16]}"));
        var sandboxes = await RestartAsync();
        Assert.Equal(PodSandboxState.SandboxNotready, Status(sandboxes, id).Status.State);
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Empty(_world.Leftovers());
    }

    [Theory]
    [InlineData("Stopping", PodSandboxState.SandboxNotready)]
    [InlineData("Removing", null)]
    public async Task What_was_begun_is_finished(string phase, PodSandboxState? listed)
    {
        _world.UseBridge();
        var id = await (await _world.StartAsync()).RunAsync(SandboxWorld.Request(), CancellationToken.None);
        _world.KillDaemon();
        Edit(id, r => r.Replace("\"Ready\"", $"\"{phase}\"", StringComparison.Ordinal));
        var sandboxes = await _world.StartAsync();
        await Eventually.TrueAsync(() => !File.Exists(_world.At($"netns/shimruntime-{id[..16]}")));
        if (listed is null) await Eventually.TrueAsync(() => sandboxes.List(null).Count == 0);
        else Assert.Equal(listed, Status(sandboxes, id).Status.State);
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task A_torn_record_is_moved_aside_and_the_pod_can_still_be_removed_whole()
    {
        _world.UseBridge();
        var first = await _world.StartAsync();
        var torn = await first.RunAsync(SandboxWorld.Request("torn"), CancellationToken.None);
        var whole = await first.RunAsync(SandboxWorld.Request("whole"), CancellationToken.None);
        File.WriteAllText(_world.At($"root/sandboxes/{torn}/record.json"), "{ \"schema\": 1, \"id");

        var sandboxes = await RestartAsync();
        Assert.Equal(PodSandboxState.SandboxNotready, Status(sandboxes, torn).Status.State);
        Assert.Equal(PodSandboxState.SandboxReady, Status(sandboxes, whole).Status.State);
        Assert.Single(Directory.EnumerateFileSystemEntries(_world.At("root/aside")));
        foreach (var id in new[] { torn, whole }) await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task An_unreadable_request_is_moved_aside_and_what_the_pod_had_is_released()
    {
        _world.UseBridge();
        var first = await _world.StartAsync();
        var id = await first.RunAsync(SandboxWorld.Request(), CancellationToken.None);
        File.WriteAllBytes(_world.At($"root/sandboxes/{id}/request.pb"), [0xff, 0xff, 0xff]);
        var sandboxes = await RestartAsync();
        Assert.Empty(sandboxes.List(null));
        Assert.Single(Directory.EnumerateFileSystemEntries(_world.At("root/aside")));
        await Eventually.TrueAsync(() => _world.Leftovers().Count == 0);
    }

    private async Task<Runtime.Sandboxes.SandboxService> RestartAsync()
    {
        _world.KillDaemon();
        return await _world.StartAsync();
    }

    private static PodSandboxStatusResponse Status(Runtime.Sandboxes.SandboxService sandboxes, string id) =>
        sandboxes.Status(new PodSandboxStatusRequest { PodSandboxId = id });

    private void Edit(string id, Func<string, string> change)
    {
        var path = _world.At($"root/sandboxes/{id}/record.json");
        var before = File.ReadAllText(path);
        Assert.NotEqual(before, change(before));
        File.WriteAllText(path, change(before));
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
