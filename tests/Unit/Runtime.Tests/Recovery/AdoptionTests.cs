using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Recovery;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.Runtime.Tests.Containers;
using ShimRuntime.Runtime.Tests.Shims;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Recovery;

public sealed class AdoptionTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly string _root = Directory.CreateTempSubdirectory("shimruntime-adopt-").FullName;
    private readonly FakeShim _fake = new();
    private readonly ExitWatcher _exits = new();
    private readonly CancellationTokenSource _daemon = new();
    private readonly ContainerParts _parts;
    private readonly ContainerRecord _record = TestContainers.Record(TestContainers.Id('a'));

    public AdoptionTests()
    {
        var options = new RuntimeOptions { Root = _root, State = Path.Combine(_root, "state"), ShimPath = "/none" };
        var files = new ContainerFiles(new ContainerPaths(options));
        files.MakeRoots();
        files.Create(_record, TestContainers.Request());
        var killer = new LeafKiller(CgroupHierarchy.Detect());
        _parts = new ContainerParts
        {
            Options = options,
            Store = new ContainerStore(),
            Names = new ContainerNames(),
            Files = files,
            Killer = killer,
            ShimOwner = new ShimOwner(_exits, Patience, _daemon.Token),
            Criu = new CriuProbe(_exits),
            Supervisor = new ContainerSupervisor(files, killer, NullLogger<ContainerSupervisor>.Instance, _daemon.Token),
            Leftovers = new Leftovers(files.Paths, null!, null!, killer, NullLogger<Leftovers>.Instance),
            Logs = NullLoggerFactory.Instance,
            // Adoption alone needs none of these.
            Creates = null!,
            Sandboxes = null!,
            Handlers = null!,
            Images = null!,
            Snapshots = null!,
            Bundles = null!,
            Spawner = null!,
            Cgroups = null!,
            Limits = null!,
        };
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _daemon.CancelAsync();
        await _fake.DisposeAsync();
        _exits.Dispose();
        _daemon.Dispose();
        Directory.Delete(_root, true);
    }

    [Fact]
    public async Task A_shim_that_was_silent_and_then_says_starting_is_asked_until_it_has_started()
    {
        var asked = 0;
        _fake.Answers[ShimMethods.Hello] = _ => Task.FromResult<IMessage>(new HelloResponse
        {
            State = Interlocked.Increment(ref asked) < 3 ? ShimState.Starting : ShimState.Running,
            Generation = 1,
            Pid = asked < 3 ? 0 : 42,
            StartedAtNanos = asked < 3 ? 0 : 7,
        });
        // Copies of volumes, which a start that nobody waited for leaves.
        var staged = Directory.CreateDirectory(_parts.Files.Paths.StagedVolumes(_record.Id)).FullName;
        var entry = new Adoption(_parts).Silent(Found());
        for (var i = 0; i < 1000 && entry.Record.Phase != ContainerPhase.Running; i++) await Task.Delay(20);
        Assert.Equal((ContainerPhase.Running, 42, 7L), (entry.Record.Phase, entry.Record.Pid, entry.Record.StartedAtNanos));
        Assert.False(Directory.Exists(staged));
    }

    [Fact]
    public void What_was_cut_off_by_a_reboot_still_says_when_it_was_started()
    {
        _parts.Files.WriteStarted(_record.Id, 1_700_000_000_000_000_000);
        var entry = new Adoption(_parts).Unknown(Found());
        Assert.Equal((255, "Unknown"), (entry.Record.Exit!.Code, entry.Record.Exit.Reason));
        Assert.Equal(1_700_000_000_000_000_000, entry.Record.StartedAtNanos);
        Assert.Equal(1_700_000_000_000_000_000, _parts.Files.Read(_record.Id).Record.StartedAtNanos);
    }

    private Recoverer.Found Found() => new(_record, TestContainers.Request(), _fake.Shim, null, null);
}
