using System.Text.Json;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Networking;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>
/// The one way down: a failed creation, StopPodSandbox, RemovePodSandbox and recovery all end a sandbox through these steps. Each step
/// is repeatable and finds what is there by the sandbox's id, so that none depends on how far the way up had come.
/// </summary>
internal sealed class SandboxTeardown(SandboxFiles files, SandboxParts parts, ILogger log)
{
    private const int SIGKILL = 9;
    private static readonly TimeSpan InitDeath = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CgroupEmpty = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CgroupPoll = TimeSpan.FromMilliseconds(20);

    /// <summary>Ends the shim in reserve and the pod init, releases the network, lets go of namespaces and /dev/shm. The containers have ended before.</summary>
    public async Task ReleaseAsync(Sandbox sandbox, CancellationToken cancellation)
    {
        await parts.Shims.EndAsync(sandbox.Id).ConfigureAwait(false);
        await KillInitAsync(sandbox, cancellation).ConfigureAwait(false);
        await ReleaseNetworkAsync(sandbox.Id, cancellation).ConfigureAwait(false);
        var paths = files.Paths;
        foreach (var pin in new[] { paths.NetworkPin(sandbox.Id), paths.IpcPin(sandbox.Id), paths.UtsPin(sandbox.Id), paths.PidPin(sandbox.Id), paths.UserPin(sandbox.Id) })
        {
            if (File.Exists(pin)) LinuxNamespace.Unpin(pin);
        }

        while (MountPoint.Unmount(paths.Shm(sandbox.Id), lazy: true))
        {
        }
    }

    /// <summary>Release, and then everything that is left: cgroups, files, the record last.</summary>
    /// <param name="cgroupShared">True when another sandbox lives in the same pod cgroup.</param>
    public async Task DestroyAsync(Sandbox sandbox, bool cgroupShared, CancellationToken cancellation)
    {
        await ReleaseAsync(sandbox, cancellation).ConfigureAwait(false);
        await RemoveCgroupAsync(InitCgroup(sandbox), cancellation).ConfigureAwait(false);
        if (sandbox.OwnsCgroup && !cgroupShared) await RemoveCgroupAsync(sandbox.CgroupPath, cancellation).ConfigureAwait(false);
        if (Directory.Exists(files.Paths.Volatile(sandbox.Id))) Directory.Delete(files.Paths.Volatile(sandbox.Id), true);
        files.Delete(sandbox.Id);
    }

    private static string InitCgroup(Sandbox sandbox) => CgroupNames.PodInit(sandbox.CgroupPath, sandbox.Id);

    private async Task KillInitAsync(Sandbox sandbox, CancellationToken cancellation)
    {
        new Cgroup(parts.Cgroups.Hierarchy, InitCgroup(sandbox)).Kill();
        if (sandbox.InitPid == 0) return;
        using var process = SafePidFd.TryOpen(sandbox.InitPid);
        if (process is null || new ProcessIdentity(sandbox.InitPid, sandbox.InitStartTicks) is { IsAlive: false }) return;
        _ = process.Signal(SIGKILL);
        try
        {
            await parts.Exits.WaitAsync(process, cancellation).WaitAsync(InitDeath, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw RuntimeFault.Internal($"failed to stop pod sandbox '{sandbox.Id}': its init, pid {sandbox.InitPid}, was killed and is still there; see its state in /proc/{sandbox.InitPid}/stack");
        }
    }

    private async Task ReleaseNetworkAsync(string id, CancellationToken cancellation)
    {
        CniAttachment? attachment;
        try
        {
            attachment = files.ReadNetwork(id);
        }
        catch (JsonException e) when (files.IsOfAnotherBoot(id))
        {
            log.LogWarning("pod sandbox {Sandbox} had no network yet when the power went: {Cause}", id, e.Message);
            return;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            log.LogError("network of pod sandbox {Sandbox} can't be released: {Cause}; kept as {Aside}", id, e.Message, files.MoveAside(id, files.Paths.Network(id)));
            return;
        }

        if (attachment is null) return;
        await parts.Network.DeleteAsync(attachment, cancellation).ConfigureAwait(false);
        files.ForgetNetwork(id);
    }

    /// <summary>Killed processes leave their cgroup a moment after they are told to.</summary>
    private async Task RemoveCgroupAsync(string path, CancellationToken cancellation)
    {
        for (var waited = TimeSpan.Zero; !await parts.Cgroups.Driver.TryRemoveAsync(path, cancellation).ConfigureAwait(false); waited += CgroupPoll)
        {
            if (waited >= CgroupEmpty)
            {
                var left = new Cgroup(parts.Cgroups.Hierarchy, path).ProcessesAnywhere().Take(8);
                throw RuntimeFault.Internal($"failed to remove cgroup '{path}': processes {string.Join(", ", left)} are still in it");
            }

            await Task.Delay(CgroupPoll, cancellation).ConfigureAwait(false);
        }
    }
}
