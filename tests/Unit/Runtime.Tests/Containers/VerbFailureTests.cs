using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.Runtime.Tests.Bundles;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

/// <summary>A disk that is full at the wrong moment: what the client hears, and that nothing sticks.</summary>
public sealed class VerbFailureTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("shimruntime-verbs-").FullName;
    private readonly ExitWatcher _exits = new();
    private readonly FullDisk _disk = new();
    private readonly ContainerParts _parts;

    public VerbFailureTests()
    {
        var options = new RuntimeOptions { Root = _root, State = Path.Combine(_root, "state"), ShimPath = "/none" };
        var paths = new ContainerPaths(options);
        var files = new ContainerFiles(paths);
        files.MakeRoots();
        var (store, names, hierarchy) = (new ContainerStore(), new ContainerNames(), CgroupHierarchy.Detect());
        var killer = new LeafKiller(hierarchy);
        var cgroups = new CgroupfsDriver(hierarchy, "/shimruntime-none");
        var owner = new ShimOwner(_exits, TimeSpan.FromSeconds(30), CancellationToken.None);
        _parts = new ContainerParts
        {
            Options = options,
            Store = store,
            Names = names,
            Files = files,
            Creates = new CreateFlights(store, names, CancellationToken.None),
            Sandboxes = new OnePod(),
            Images = new OneImage(),
            Handlers = new RuntimeHandlers(options, _exits),
            Snapshots = _disk,
            Cgroups = cgroups,
            Limits = new LimitsInForce(hierarchy),
            Killer = killer,
            Leftovers = new Leftovers(paths, _disk, cgroups, killer, NullLogger<Leftovers>.Instance),
            ShimOwner = owner,
            Criu = new CriuProbe(_exits),
            Supervisor = new ContainerSupervisor(files, killer, NullLogger<ContainerSupervisor>.Instance, CancellationToken.None),
            Logs = NullLoggerFactory.Instance,
            // Nothing comes so far.
            Bundles = null!,
            // Its binary is not there: the layer fails first, and that is what the client is to hear.
            Spawner = new ShimSpawner(options, new ShimReserve(options, _exits, NullLogger<ShimReserve>.Instance), owner),
        };
    }

    public void Dispose()
    {
        _exits.Dispose();
        Directory.Delete(_root, true);
    }

    [Fact]
    public async Task A_create_says_what_failed_and_leaves_neither_record_nor_name()
    {
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var create = new CreateVerb(_parts, null!).RunAsync(TestContainers.Request(), CancellationToken.None);
            var fault = await Assert.ThrowsAsync<RuntimeFault>(() => create);
            Assert.Equal(FaultCode.Internal, fault.Code);
            Assert.Matches("^failed to create container '[0-9a-f]{64}': No space left on device$", fault.Message);
            Assert.Empty(_parts.Store.All());
            Assert.Empty(_parts.Files.Ids());
        }
    }

    [Fact]
    public async Task A_removal_says_what_failed_and_the_next_one_goes_on()
    {
        var entry = TestContainers.Entry('a', ContainerPhase.Exited);
        _parts.Files.Create(entry.Record, entry.Request);
        _parts.Store.Add(entry);
        _disk.IsFullForRemovals = true;
        var remove = new RemoveVerb(_parts, new StopVerb(_parts));
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => remove.RunAsync(entry.Id, CancellationToken.None));
        Assert.StartsWith($"failed to remove container '{entry.Id}': No space left on device; ", fault.Message, StringComparison.Ordinal);
        Assert.Same(entry, _parts.Store.Find(entry.Id));

        _disk.IsFullForRemovals = false;
        await remove.RunAsync(entry.Id, CancellationToken.None);
        Assert.Empty(_parts.Store.All());
        Assert.Empty(_parts.Files.Ids());
    }

    private sealed class FullDisk : ISnapshotStore
    {
        public bool IsFullForRemovals { get; set; }

        public Task<Snapshot> PrepareAsync(
            string key, ImageRecord image, IReadOnlyList<ImageRecord> mounted, CancellationToken cancellation) => throw new IOException("No space left on device");

        public Snapshot? Find(string key) => null;

        public Task RemoveAsync(string key, CancellationToken cancellation) =>
            IsFullForRemovals ? throw new IOException("No space left on device") : Task.CompletedTask;

        public SnapshotUsage? Usage(string key) => null;

        public Func<string, ulong?>? Activity { get; set; }

        public IReadOnlyCollection<string> Keys() => [];
    }

    private sealed class OneImage : IImageStore
    {
        public ImageRecord? Find(string reference) => new()
        {
            Id = "sha256:" + TestContainers.Id('e'),
            Manifests = [],
            SizeBytes = 1,
            ChainIds = [],
            Config = new ImageConfig(),
        };

        public IReadOnlyCollection<ImageRecord> List() => [];
    }

    private sealed class OnePod : ISandboxStore
    {
        public Sandbox? Find(string idOrPrefix) => TestSandbox.Of(TestSandbox.DefaultPod());

        public IReadOnlyCollection<Sandbox> List() => [];
    }
}
