using System.Text;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Networking;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>The way up: from a checked request to a pod that containers can join. What fails half-way is <see cref="SandboxTeardown"/>'s.</summary>
internal sealed class SandboxBuilder(RuntimeOptions options, SandboxFiles files, PodNetwork network, PodCgroups cgroups, PodInitLauncher inits)
{
    private const long ShmBytes = 64L << 20;
    private const uint ShmMode = 0x3FF; // 01777
    private const uint WorldReadable = 0x1A4; // 0644
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Traversable = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    // user_namespaces(7): the initial one maps every id to itself.
    private static readonly bool AllGroupsMapped = File.ReadAllText("/proc/self/gid_map").Split(
        (char[]?)null, StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"];

    /// <summary>Everything that is decided before anything is made.</summary>
    internal sealed record Plan(Sandbox Sandbox, IReadOnlyList<(string Path, string Value)> Sysctls, CniAttachment? Attachment);

    /// <summary>Decides and changes nothing. Throws InvalidArgument or FailedPrecondition.</summary>
    public Plan Decide(RunPodSandboxRequest request, long nowNanos)
    {
        var id = SandboxId.New();
        var config = request.Config;
        var modes = config.Linux?.SecurityContext?.NamespaceOptions ?? new NamespaceOption();
        var ownNetwork = modes.Network == NamespaceMode.Pod;
        var ownIpc = modes.Ipc == NamespaceMode.Pod;
        var cgroup = CgroupOf(config, id);
        var own = new Sysctls.Own(ownNetwork, ownIpc);
        var sysctls = Sysctls.WithDefaults(Sysctls.Parse(config.Linux?.Sysctls ?? [], options.AllowedSysctls, own), own, AllGroupsMapped);
        var sandbox = SandboxShape.Of(id, request, files.Paths) with
        {
            Phase = SandboxPhase.Creating,
            CreatedAtNanos = nowNanos,
            CgroupPath = cgroup,
            OwnsCgroup = !new Cgroup(cgroups.Hierarchy, cgroup).Exists,
            Hostname = config.Hostname.Length > 0 ? config.Hostname : HostName(),
        };
        return new Plan(sandbox, sysctls, ownNetwork ? network.Prepare(id, sandbox.NetworkNamespace!, config, cgroup) : null);
    }

    /// <summary>
    /// Namespaces, and beside them, because a network namespace takes the kernel milliseconds, files, /dev/shm and cgroup. Nobody is waited
    /// for.
    /// </summary>
    public async Task MakeAsync(Plan plan)
    {
        var sandbox = plan.Sandbox;
        if (sandbox.Config.LogDirectory.Length > 0) Directory.CreateDirectory(sandbox.Config.LogDirectory);
        Directory.CreateDirectory(files.Paths.Namespaces(sandbox.Id), OwnerOnly);
        if (sandbox.NetworkNamespace is not null) Directory.CreateDirectory(options.NetnsDirectory, Traversable);
        var namespaces = PodNamespaces.CreateAsync(new PodNamespaceRequest
        {
            NetworkPin = sandbox.NetworkNamespace,
            IpcPin = sandbox.IpcNamespace,
            UtsPin = sandbox.UtsNamespace,
            UserPin = sandbox.UserNamespace,
            Users = sandbox.Users,
            Hostname = sandbox.Hostname,
            Sysctls = plan.Sysctls,
        });
        try
        {
            MakeFiles(sandbox);
            await cgroups.Driver.MakePodAsync(sandbox.CgroupPath, CancellationToken.None).ConfigureAwait(false);
            if (sandbox.OwnsCgroup) await LimitAsync(sandbox, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            await namespaces.ConfigureAwait(false);
        }
    }

    /// <summary>The pod init in its leaf, its PID namespace pinned. Returns the child, which the caller watches and reaps.</summary>
    public async Task<SpawnedProcess> StartInitAsync(Sandbox sandbox)
    {
        var root = files.Paths.InitRoot(sandbox.Id);
        Directory.CreateDirectory(root, OwnerOnly);
        if (sandbox.Users is { } users)
        {
            using var directory = SafeDirFd.Open(root);
            directory.SetOwner(users.Uids.Outside, users.Gids.Outside);
        }

        using var starting = await inits.StartAsync(sandbox, root).ConfigureAwait(false);
        await starting.WaitAsync().ConfigureAwait(false);
        try
        {
            // From here on recovery finds it; until then it would have ended with this daemon.
            await cgroups.Driver.EnterPodInitAsync(sandbox.CgroupPath, sandbox.Id, starting.Pid, CancellationToken.None).ConfigureAwait(false);
        }
        catch
        {
            starting.End();
            throw;
        }

        var init = await starting.ReleaseAsync().ConfigureAwait(false);
        try
        {
            LinuxNamespace.Pin($"/proc/{init.Pid}/ns/pid", sandbox.PidNamespace!);
            return init;
        }
        catch
        {
            _ = PodInitLauncher.End(init);
            throw;
        }
    }

    /// <summary>kubelet's pod cgroup, or one of our own.</summary>
    public string CgroupOf(PodSandboxConfig config, string id) => cgroups.Driver.PodCgroup(config.Linux?.CgroupParent ?? "", id);

    /// <summary>The same without judging: what another driver's daemon made has to be removed, too.</summary>
    public string FormerCgroupOf(PodSandboxConfig config, string id)
    {
        var parent = config.Linux?.CgroupParent.TrimEnd('/') ?? "";
        return parent.Length == 0 ? cgroups.Driver.PodCgroup("", id) : SliceName.TryExpand(SliceName.UnitOf(parent)) ?? parent;
    }

    /// <summary>The limits of a pod cgroup that is ours.</summary>
    public Task LimitAsync(Sandbox sandbox, CancellationToken cancellation)
    {
        var limits = PodLimits.Sum(sandbox.Overhead, sandbox.Resources);
        PodLimits.Write(cgroups.Hierarchy, sandbox.CgroupPath, limits);
        return cgroups.Driver.KeepPodLimitsAsync(sandbox.CgroupPath, limits, cancellation);
    }

    private void MakeFiles(Sandbox sandbox)
    {
        DurableFile.WriteVolatile(sandbox.ResolvConfPath, ResolvConf.Render(sandbox.Config.DnsConfig), WorldReadable);
        DurableFile.WriteVolatile(sandbox.HostnamePath, Encoding.UTF8.GetBytes(sandbox.Hostname + "\n"), WorldReadable);
        DurableFile.WriteVolatile(sandbox.HostsPath!, HostsFile.OfTheNode(), WorldReadable);
        if (sandbox.ShmPath is { } shm)
        {
            Directory.CreateDirectory(shm);
            MountPoint.Tmpfs(shm, ShmBytes, ShmMode, MountFlags.NoExec);
        }

        if (sandbox.Users is { } users) GiveToRootInside(sandbox, users);
    }

    /// <summary>What containers see is the pod's root's; the directory lets that root pass and no other user of the host.</summary>
    private void GiveToRootInside(Sandbox sandbox, UserMappings users)
    {
        PassableDirectory.Make(files.Paths.Volatile(sandbox.Id), users);
        using var directory = SafeDirFd.Open(files.Paths.Volatile(sandbox.Id));
        foreach (var file in new[] { sandbox.ResolvConfPath, sandbox.HostnamePath, sandbox.HostsPath! })
            directory.SetOwner(FileName.Create(Path.GetFileName(file)), users.Uids.Outside, users.Gids.Outside);
        if (sandbox.ShmPath is null) return;
        using var shm = SafeDirFd.Open(sandbox.ShmPath);
        shm.SetOwner(users.Uids.Outside, users.Gids.Outside);
        shm.SetMode(ShmMode);
    }

    private static string HostName() => File.ReadAllText("/proc/sys/kernel/hostname").Trim();
}
