using System.Runtime.InteropServices;
using System.Text;

namespace ShimRuntime.Linux;

/// <summary>posix_spawn(3) with everything declared (see <see cref="SpawnRequest"/>). The only way a process is started here.</summary>
public static unsafe partial class Spawner
{
    private const short POSIX_SPAWN_SETSIGDEF = 0x04;
    private const short POSIX_SPAWN_SETSIGMASK = 0x08;
    private const short POSIX_SPAWN_SETSID = 0x80;
    private const int SigSetBytes = 128;
    private const int ActionsBytes = 256; // sizeof(posix_spawn_file_actions_t) is 80 in glibc; room for musl and change
    private const int AttributesBytes = 512; // sizeof(posix_spawnattr_t) is 336
    private const int F_DUPFD_CLOEXEC = 1030;
    private const int StagingFd = 200; // sources are first duplicated above every target, so that no mapping overwrites another

    /// <summary>Starts the process. Throws <see cref="LinuxException"/> when exec itself fails.</summary>
    public static SpawnedProcess Spawn(SpawnRequest request)
    {
        var staged = new List<int>(request.Fds.Count);
        using var argv = new NativeStrings(request.Arguments);
        using var envp = new NativeStrings(request.Environment);
        var actions = stackalloc byte[ActionsBytes];
        var attributes = stackalloc byte[AttributesBytes];
        Check(posix_spawn_file_actions_init(actions), "posix_spawn_file_actions_init", request.Path);
        Check(posix_spawnattr_init(attributes), "posix_spawnattr_init", request.Path);
        try
        {
            DeclareFds(actions, request, staged);
            DeclareAttributes(attributes, request);
            int pid;
            Check(posix_spawn(&pid, request.Path, actions, attributes, argv.Pointer, envp.Pointer), "posix_spawn", request.Path);
            return new SpawnedProcess(pid, PidFdOf(pid, request.Path));
        }
        finally
        {
            foreach (var fd in staged) _ = close(fd);
            _ = posix_spawn_file_actions_destroy(actions);
            _ = posix_spawnattr_destroy(attributes);
        }
    }

    /// <summary>A child that can't be watched (no descriptor is free) must not run: it is killed and reaped at once.</summary>
    private static SafePidFd PidFdOf(int pid, string path)
    {
        try
        {
            return SafePidFd.TryOpen(pid) ?? throw new LinuxException("pidfd_open", Errno.ESRCH, path);
        }
        catch
        {
            ChildProcesses.KillAndReap(pid);
            throw;
        }
    }

    private static void DeclareFds(byte* actions, SpawnRequest request, List<int> staged)
    {
        for (var target = 0; target <= 2; target++)
        {
            if (request.Fds.Any(m => m.Target == target)) continue;
            Check(posix_spawn_file_actions_addopen(actions, target, "/dev/null", target == 0 ? 0 : 1, 0), "addopen", "/dev/null");
        }

        var highest = 2;
        foreach (var mapping in request.Fds)
        {
            var source = LinuxException.Check(
                fcntl(mapping.Source, F_DUPFD_CLOEXEC, StagingFd), "fcntl F_DUPFD_CLOEXEC", $"{mapping.Source}");
            staged.Add(source);
            Check(posix_spawn_file_actions_adddup2(actions, source, mapping.Target), "adddup2", $"{mapping.Target}");
            highest = Math.Max(highest, mapping.Target);
        }

        Check(posix_spawn_file_actions_addchdir_np(actions, request.WorkingDirectory), "addchdir", request.WorkingDirectory);
        CloseTheRest(actions, request, highest);
    }

    private static void CloseTheRest(byte* actions, SpawnRequest request, int highest)
    {
        for (var fd = 3; fd < highest; fd++)
        {
            if (!request.Fds.Any(m => m.Target == fd)) Check(posix_spawn_file_actions_addclose(actions, fd), "addclose", $"{fd}");
        }

        Check(posix_spawn_file_actions_addclosefrom_np(actions, highest + 1), "addclosefrom", $"{highest + 1}");
    }

    private static void DeclareAttributes(byte* attributes, SpawnRequest request)
    {
        var defaults = stackalloc byte[SigSetBytes];
        var mask = stackalloc byte[SigSetBytes];
        _ = sigfillset(defaults);
        _ = sigemptyset(mask);
        foreach (var signal in request.BlockedSignals) _ = sigaddset(mask, signal);
        Check(posix_spawnattr_setsigdefault(attributes, defaults), "setsigdefault", request.Path);
        Check(posix_spawnattr_setsigmask(attributes, mask), "setsigmask", request.Path);
        var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (request.NewSession ? POSIX_SPAWN_SETSID : 0);
        Check(posix_spawnattr_setflags(attributes, (short)flags), "setflags", request.Path);
    }

    private static void Check(int errno, string call, string subject)
    {
        if (errno != 0) throw new LinuxException(call, errno, subject);
    }

    /// <summary>A NULL-terminated vector of UTF-8 strings in native memory.</summary>
    private sealed class NativeStrings : IDisposable
    {
        private readonly int _count;

        public NativeStrings(IReadOnlyList<string> strings)
        {
            _count = strings.Count;
            Pointer = (byte**)NativeMemory.AllocZeroed((nuint)(_count + 1), (nuint)sizeof(byte*));
            for (var i = 0; i < _count; i++)
            {
                if (strings[i].Contains('\0')) throw new ArgumentException("a process argument or variable contains NUL", nameof(strings));
                var length = Encoding.UTF8.GetByteCount(strings[i]);
                Pointer[i] = (byte*)NativeMemory.Alloc((nuint)length + 1);
                Encoding.UTF8.GetBytes(strings[i], new Span<byte>(Pointer[i], length));
                Pointer[i][length] = 0;
            }
        }

        public byte** Pointer { get; }

        public void Dispose()
        {
            for (var i = 0; i < _count; i++) NativeMemory.Free(Pointer[i]);
            NativeMemory.Free(Pointer);
        }
    }
}
