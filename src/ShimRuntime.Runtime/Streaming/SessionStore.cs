using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Streaming;

/// <summary>
/// The sessions that live: counted, bounded, watched by pidfd. A session takes its files away itself; of one that was killed, the
/// daemon does, and kills the exec that it left. Sessions of an earlier daemon are found by their records.
/// </summary>
internal sealed class SessionStore(RuntimeOptions options, CgroupHierarchy cgroups, ExitWatcher exits, ILogger log)
{
    private const int MostPerOwner = 64;
    private const int MostOfAll = 1024;
    private const string RecordName = "session.json";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly TimeSpan UnrecordedPatience = TimeSpan.FromSeconds(30);
    private readonly ConcurrentDictionary<string, Session> _sessions = new(StringComparer.Ordinal);
    private readonly string _root = Path.Combine(options.State, "s");

    public int CountOf(string owner) => _sessions.Values.Count(s => s.Record.Owner == owner);

    /// <exception cref="RuntimeFault">ResourceExhausted, with the limit.</exception>
    public void CheckRoom(string owner)
    {
        if (_sessions.Count >= MostOfAll) throw Full($"{MostOfAll} sessions are open on this node");
        if (CountOf(owner) >= MostPerOwner) throw Full($"{MostPerOwner} sessions are open with '{owner}'");
    }

    /// <summary>A directory that only root may enter.</summary>
    public string MakeDirectory(string id) => Directory.CreateDirectory(
        Path.Combine(_root, id), OwnerOnly).FullName;

    public void RemoveDirectory(string id)
    {
        try
        {
            Directory.Delete(Path.Combine(_root, id), true);
        }
        catch (DirectoryNotFoundException)
        {
            // The session has done it.
        }
    }

    /// <summary>Takes a session that has just begun: from here on its process is watched and reaped, whatever is thrown.</summary>
    /// <exception cref="LinuxException">It can't be recorded, so the next daemon would not know it: it is killed.</exception>
    public void Add(SessionRecord record, SafePidFd process, CancellationToken stopping)
    {
        try
        {
            DurableFile.WriteVolatile(PathOf(record.Id), JsonSerializer.SerializeToUtf8Bytes(record, SessionRecordJson.Default.SessionRecord));
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.ENOENT)
        {
            // It has ended already, and taken its directory along.
        }
        catch
        {
            Watch(record, process, stopping).Kill();
            throw;
        }

        _ = Watch(record, process, stopping);
    }

    /// <summary>Ends the sessions of an owner whose world ends: a pod's network namespace must not be held by those that forward to it.</summary>
    public void Kill(string owner)
    {
        foreach (var session in _sessions.Values.Where(s => s.Record.Owner == owner)) session.Kill();
    }

    /// <summary>Takes over what an earlier daemon began, and clears up after what has died since.</summary>
    public void Recover(CancellationToken stopping)
    {
        Directory.CreateDirectory(_root, OwnerOnly);
        foreach (var directory in Directory.GetDirectories(_root))
        {
            var id = Path.GetFileName(directory);
            if (Read(id) is not { } record) RemoveUnrecorded(id, directory);
            else if (new ProcessIdentity(record.Pid, record.StartTicks).IsAlive && SafePidFd.TryOpen(record.Pid) is { } process)
                _ = Watch(record, process, stopping);
            else CleanUp(record);
        }
    }

    /// <summary>Directories whose process is gone and that nobody here watches.</summary>
    public IReadOnlyList<(string Id, string Directory)> Abandoned() => Directory.Exists(_root)
        ? [.. Directory.GetDirectories(_root).Select(d => (Id: Path.GetFileName(d), Directory: d)).Where(s => !_sessions.ContainsKey(s.Id) && IsAbandoned(s.Id, s.Directory))]
        : [];

    /// <summary>What such a one has left.</summary>
    public void Clear(string id)
    {
        if (Read(id) is { } record) CleanUp(record);
        else RemoveDirectory(id);
    }

    private bool IsAbandoned(string id, string directory) => Read(id) is { } record
        ? !new ProcessIdentity(record.Pid, record.StartTicks).IsAlive
        : IsOld(directory);

    private static bool IsOld(string directory) => DateTime.UtcNow - Directory.GetCreationTimeUtc(directory) > UnrecordedPatience;

    private Session Watch(SessionRecord record, SafePidFd process, CancellationToken stopping)
    {
        var session = new Session(record, process);
        _sessions[record.Id] = session;
        _ = WatchAsync(session, stopping);
        return session;
    }

    private async Task WatchAsync(Session session, CancellationToken stopping)
    {
        try
        {
            await exits.WaitAsync(session.Process, stopping).ConfigureAwait(false);
            session.Reap();
        }
        catch (OperationCanceledException)
        {
            return; // the daemon ends, the session does not
        }

        _sessions.TryRemove(session.Record.Id, out _);
        session.Dispose();
        CleanUp(session.Record);
    }

    private void CleanUp(SessionRecord record)
    {
        if (!Directory.Exists(Path.Combine(_root, record.Id))) return;
        log.LogWarning("{Kind} session {Id} of '{Owner}' was killed; what it left is cleared up", record.Kind, record.Id, record.Owner);
        if (record.LeafCgroup.Length > 0) _ = KillExecAsync(new Cgroup(cgroups, $"{record.LeafCgroup}/session-{record.Id}"));
        RemoveDirectory(record.Id);
    }

    private static async Task KillExecAsync(Cgroup exec)
    {
        // Whether it is there says the removal: on cgroup v1 it is in the freezer's hierarchy alone.
        for (var pass = 0; pass < 100 && !exec.TryRemove(); pass++)
        {
            exec.Kill();
            await Task.Delay(50).ConfigureAwait(false);
        }
    }

    private SessionRecord? Read(string id)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(PathOf(id)), SessionRecordJson.Default.SessionRecord);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null;
        }
    }

    /// <summary>A daemon that died between spawn and record leaves a session that ends by itself; only an old directory is nobody's.</summary>
    private void RemoveUnrecorded(string id, string directory)
    {
        if (IsOld(directory)) RemoveDirectory(id);
    }

    private string PathOf(string id) => Path.Combine(_root, id, RecordName);

    private static RuntimeFault Full(string why) =>
        new(FaultCode.ResourceExhausted, $"failed to open a session: {why}; end one of them first");

    private sealed class Session(SessionRecord record, SafePidFd process) : IDisposable
    {
        private readonly Lock _lock = new();
        private bool _disposed;

        public SessionRecord Record { get; } = record;

        public SafePidFd Process { get; } = process;

        public void Kill()
        {
            lock (_lock)
            {
                if (!_disposed) Process.Signal(9);
            }
        }

        /// <summary>A child of ours; one of an earlier daemon is its adopter's to reap.</summary>
        public void Reap()
        {
            try
            {
                _ = Process.TryReap();
            }
            catch (LinuxException e) when (e.ErrorNumber == Errno.ECHILD)
            {
                // Not ours.
            }
        }

        public void Dispose()
        {
            lock (_lock)
            {
                _disposed = true;
                Process.Dispose();
            }
        }
    }
}
