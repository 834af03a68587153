using System.Collections.Immutable;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Images.Tests.Layers;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images.Tests.Snapshots;

/// <summary>The snapshot room on a private root, which can be closed and opened again as a restart does.</summary>
internal sealed class SnapshotWorld : IAsyncDisposable
{
    private SnapshotServices _services;

    /// <param name="disk">Options of a tmpfs for the root; null: where the temporary directories are.</param>
    public SnapshotWorld(string? disk = null)
    {
        Root = Directory.CreateTempSubdirectory("shimruntime-snapshots-").FullName;
        if (disk is not null) MountPoint.Mount("tmpfs", Root, "tmpfs", MountFlags.None, disk);
        _services = Open();
    }

    public string Root { get; }

    public CollectorLock Collector { get; } = new();

    public ILayerStore Layers => _services.Layers;

    public ISnapshotStore Snapshots => _services.Snapshots;

    public ILayerReferences References => _services.References;

    public string Below => Path.Combine(Root, "snapshots");

    /// <summary>Entries of snapshots/, "empty" left out.</summary>
    public IReadOnlyList<string> Entries => Directory.GetFileSystemEntries(Below).Select(p => Path.GetFileName(p)!).Where(n => n != "empty").Order().ToList();

    public static Digest Chain(string name) => Digest.FromHash(SHA256.HashData(TarBuilder.Bytes(name)));

    public async Task RestartAsync()
    {
        await _services.DisposeAsync();
        _services = Open();
    }

    /// <summary>Commits a layer under each name, base first; returns the image over them.</summary>
    public async Task<ImageRecord> CommitAsync(params (string Name, TarBuilder Tar)[] layers)
    {
        var chain = ImmutableArray<Digest>.Empty;
        foreach (var (name, tar) in layers)
        {
            chain = chain.Add(Chain(name));
            await using var draft = await Layers.UnpackAsync(new MemoryStream(tar.Build()), CancellationToken.None);
            await draft.CommitAsync(chain, Chain("diff " + name), CancellationToken.None);
        }

        return Image(chain);
    }

    public static ImageRecord Image(ImmutableArray<Digest> chain) => new()
    {
        Id = "sha256:test", Manifests = [], SizeBytes = 0, ChainIds = chain, Config = new ImageConfig(),
    };

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        MountPoint.UnmountBelow(Root);
        Directory.Delete(Root, true);
    }

    private SnapshotServices Open() => SnapshotServices.Open(Root, Collector, NullLoggerFactory.Instance, CancellationToken.None);
}
