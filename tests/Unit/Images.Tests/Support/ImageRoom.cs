using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images.Tests.Support;

/// <summary>
/// The room over a layer store in memory: what these tests are about is everything around it. The real one has tests of its own.
/// </summary>
internal sealed class ImageRoom : IAsyncDisposable
{
    private readonly CancellationTokenSource _daemon = new();
    private readonly TempDirectory? _own;

    public ImageRoom(string? root = null, MemoryLayers? layers = null, Func<ImageOptions, ImageOptions>? configure = null)
    {
        _own = root is null ? new TempDirectory() : null;
        Root = root ?? _own!.Path;
        Layers = layers ?? new MemoryLayers();
        var options = new ImageOptions { Root = Root, StallTimeout = TimeSpan.FromSeconds(5) };
        Services = ImageServices.Compose(
            configure?.Invoke(options)
                ?? options, new LayerParts(Layers, Layers, Layers, new CollectorLock()), NullLoggerFactory.Instance, _daemon.Token);
    }

    public string Root { get; }

    public MemoryLayers Layers { get; }

    public ImageServices Services { get; }

    public IImageService Images => Services.Images;

    public Task<ImageRecord> PullAsync(
        string reference, RegistryCredentials? credentials = null, IProgress<PullProgress>? progress = null) =>
        Images.PullAsync(new PullRequest(reference, credentials), progress, TestContext.Deadline());

    public async Task<RuntimeFault> PullFaultAsync(string reference, RegistryCredentials? credentials = null)
    {
        var fault = await Xunit.Assert.ThrowsAsync<RuntimeFault>(() => PullAsync(reference, credentials));
        Xunit.Assert.Empty(Images.List());
        return fault;
    }

    /// <summary>Files below the root, "images/x.json".</summary>
    public IReadOnlyList<string> Files() =>
        [.. Directory.EnumerateFiles(
            Root, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Root, f)).Order(StringComparer.Ordinal)];

    public async ValueTask DisposeAsync()
    {
        await _daemon.CancelAsync();
        await Services.DisposeAsync();
        _daemon.Dispose();
        _own?.Dispose();
    }
}

internal static class TestContext
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static CancellationToken Deadline() => new CancellationTokenSource(Patience).Token;

    /// <summary>Waits for what happens in the background.</summary>
    public static async Task EventuallyAsync(Func<bool> condition, string what)
    {
        var deadline = Deadline();
        while (!condition())
        {
            Xunit.Assert.False(deadline.IsCancellationRequested, $"never came: {what}");
            await Task.Delay(10);
        }
    }
}

/// <summary>Layers as byte arrays by chain id, with the order and the overlap of what was done to them.</summary>
internal sealed class MemoryLayers : ILayerStore, ISnapshotStore, ILayerReferences
{
    private int _unpacking;

    public ConcurrentDictionary<Digest, byte[]> Committed { get; } = new();

    public ConcurrentQueue<Digest> CommitOrder { get; } = new();

    public ConcurrentDictionary<Digest, bool> InUse { get; } = new();

    /// <summary>Makes a commit fail with what it returns.</summary>
    public Func<ImmutableArray<Digest>, Digest, Exception?>? FailCommit { get; set; }

    /// <summary>How many of the next retirements fail.</summary>
    public int FailRetire { get; set; }

    public int DraftsDeleted { get; private set; }

    public int MostAtOnce { get; private set; }

    public bool Exists(Digest chainId) => Committed.ContainsKey(chainId);

    public async Task<ILayerDraft> UnpackAsync(Stream tar, CancellationToken cancellation)
    {
        lock (CommitOrder) MostAtOnce = Math.Max(MostAtOnce, ++_unpacking);
        try
        {
            using var memory = new MemoryStream();
            await tar.CopyToAsync(memory, cancellation);
            return new Draft(this, memory.ToArray());
        }
        finally
        {
            lock (CommitOrder) _unpacking--;
        }
    }

    public LayerUsage? Usage(Digest chainId) => Committed.TryGetValue(chainId, out var bytes) ? new LayerUsage(bytes.Length, 1) : null;

    public IReadOnlyCollection<Digest> ChainIds() => [.. Committed.Keys];

    public void Retire(Digest chainId)
    {
        if (FailRetire-- > 0) throw new IOException("the disk has a bad moment");
        Committed.TryRemove(chainId, out _);
    }

    public Task SweepAsync(CancellationToken cancellation) => Task.CompletedTask;

    public IReadOnlyCollection<Digest> ChainIdsInUse() => [.. InUse.Keys];

    public Task<Snapshot> PrepareAsync(
        string key, ImageRecord image, IReadOnlyList<ImageRecord> mounted, CancellationToken cancellation) => throw new NotSupportedException();

    public Action<IReadOnlyCollection<Digest>>? Released { get; set; }

    public Snapshot? Find(string key) => null;

    public Task RemoveAsync(string key, CancellationToken cancellation) => Task.CompletedTask;

    SnapshotUsage? ISnapshotStore.Usage(string key) => null;

    Func<string, ulong?>? ISnapshotStore.Activity { get; set; }

    public IReadOnlyCollection<string> Keys() => [];

    private sealed class Draft(MemoryLayers store, byte[] tar) : ILayerDraft
    {
        private bool _committed;

        public LayerUsage Usage => new(tar.Length, 1);

        public Task CommitAsync(ImmutableArray<Digest> chain, Digest diffId, CancellationToken cancellation)
        {
            Xunit.Assert.Equal(diffId, TestImage.Hash(tar));
            Xunit.Assert.True(chain.Length == 1 || store.Exists(chain[^2]), "a layer was committed before its parent");
            if (store.FailCommit?.Invoke(chain, diffId) is { } failure) throw failure;
            store.Committed[chain[^1]] = tar;
            store.CommitOrder.Enqueue(chain[^1]);
            _committed = true;
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            if (!_committed) lock (store.CommitOrder) store.DraftsDeleted++;
            return ValueTask.CompletedTask;
        }
    }
}
