using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Streaming;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Streaming;

/// <summary>Whatever becomes of a session's record, its process is watched and reaped.</summary>
public sealed class SessionStoreTests : IDisposable
{
    private const string Id = "0123456789abcdef";
    private const string Owner = "owner";
    private readonly string _state = Directory.CreateTempSubdirectory("shimruntime-sessions-").FullName;
    private readonly ExitWatcher _exits = new();
    private readonly SessionStore _store;

    public SessionStoreTests() => _store = new SessionStore(
        new RuntimeOptions { Root = _state, State = _state, ShimPath = "/none" }, CgroupHierarchy.Detect(), _exits, NullLogger.Instance);

    public void Dispose()
    {
        _exits.Dispose();
        Directory.Delete(_state, true);
    }

    [Fact]
    public async Task One_that_has_ended_and_taken_its_directory_along_is_reaped()
    {
        var process = Spawn("/bin/true");
        _store.Add(RecordOf(process), process.PidFd, CancellationToken.None);
        await GoneAsync(process.Pid);
    }

    [Fact]
    public async Task One_that_can_not_be_recorded_is_killed_and_leaves_nothing()
    {
        Directory.CreateDirectory(Path.Combine(_store.MakeDirectory(Id), "session.json", "in-the-way"));
        var process = Spawn("/bin/sleep", "60");
        Assert.Throws<LinuxException>(() => _store.Add(RecordOf(process), process.PidFd, CancellationToken.None));
        await GoneAsync(process.Pid);
        Assert.Empty(_store.Abandoned());
    }

    private static SpawnedProcess Spawn(string path, params string[] arguments) =>
        Spawner.Spawn(new SpawnRequest { Path = path, Arguments = [path, .. arguments], Fds = [] });

    private static SessionRecord RecordOf(SpawnedProcess process) => new()
    {
        Id = Id,
        Kind = "exec",
        Owner = Owner,
        Pid = process.Pid,
        StartTicks = ProcessIdentity.TryRead(process.Pid)?.StartTicks ?? 0,
    };

    private async Task GoneAsync(int pid)
    {
        await Eventually.TrueAsync(() => !Directory.Exists($"/proc/{pid}"), 500);
        await Eventually.TrueAsync(() => _store.CountOf(Owner) == 0, 500);
        await Eventually.TrueAsync(() => !Directory.Exists(Path.Combine(_state, "s", Id)), 500);
    }
}
