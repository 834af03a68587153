using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// PullImage. 1. One flight per (reference, credentials): a second caller joins. 2. The tag is resolved; an image that is whole already
/// only gets the name. 3. Manifest and config, verified. 4. A lease names every chain id and document. 5. Documents and layers, side by
/// side. 6. The image record, last: whatever is listed is whole. 7. The lease goes.
/// </summary>
internal sealed class Puller(ImageParts parts, CancellationToken daemon)
{
    private readonly SingleFlight<(string Reference, RegistryLogin Login), ImageRecord> _flights = new(daemon);
    private readonly ConcurrentDictionary<(string, RegistryLogin), PullProgressFeed> _feeds = new();

    public async Task<ImageRecord> PullAsync(PullRequest request, IProgress<PullProgress>? progress, CancellationToken client)
    {
        var reference = ImageReference.Parse(request.Reference);
        var login = RegistryLogin.From(request.Credentials);
        var key = (reference.ToString(), login);
        var feed = _feeds.GetOrAdd(key, _ => new PullProgressFeed());
        feed.Subscribe(progress);
        try
        {
            return await _flights.RunAsync(key, token => FlyAsync(reference, login, feed, token), client).ConfigureAwait(false);
        }
        finally
        {
            feed.Unsubscribe(progress);
        }
    }

    private async Task<ImageRecord> FlyAsync(
        ImageReference reference, RegistryLogin login, PullProgressFeed feed, CancellationToken cancellation)
    {
        var started = TimeProvider.System.GetTimestamp();
        try
        {
            var endpoints = parts.Hosts.For(reference.Host);
            using var client = new RegistryClient(reference, endpoints, login, parts.Retry);
            var record = await PullOnceAsync(client, reference, feed, cancellation).ConfigureAwait(false);
            parts.Log.LogInformation(
                "Pulled {Reference} as {Id} in {Elapsed}", reference, record.Id, TimeProvider.System.GetElapsedTime(started));
            return record;
        }
        catch (Exception e) when (e is RegistryException or InvalidDataException or ZstdSharp.ZstdException or EndOfStreamException)
        {
            var code = e is RegistryException { IsTransient: true } ? FaultCode.Unavailable : FaultCode.FailedPrecondition;
            throw new RuntimeFault(code, $"failed to pull image '{reference}': {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw RuntimeFault.Internal($"failed to pull image '{reference}': {e.Message}; try again, what has come is kept for a while", e);
        }
        finally
        {
            _feeds.TryRemove(new((reference.ToString(), login), feed));
        }
    }

    private async Task<ImageRecord> PullOnceAsync(
        RegistryClient client, ImageReference reference, PullProgressFeed feed, CancellationToken cancellation)
    {
        var target = await client.ResolveAsync(cancellation).ConfigureAwait(false);
        if (reference.Digest is { } pinned) target = pinned;
        if (target is { } digest && Known(reference, digest) is { } known) return known;
        using var lease = parts.Leases.Begin(reference.ToString());
        var image = await parts.Resolver.ResolveAsync(client, reference, target, cancellation).ConfigureAwait(false);
        feed.Begin(image.Layers.Select(l => l.Blob));
        try
        {
            await lease.HoldAsync(image.ChainIds, image.Documents.Keys, cancellation).ConfigureAwait(false);
            await InstallAsync(client, image, feed, cancellation).ConfigureAwait(false);
            var record = parts.Images.Put(Record(reference, image));
            lease.Release();
            return record;
        }
        catch (Exception e) when (DiskFull.IsCauseOf(e))
        {
            lease.Release(); // what came so far only makes it worse
            throw DiskFull.Fault($"pull image '{reference}'", e);
        }
    }

    /// <summary>The documents' fsyncs take place while the layers come.</summary>
    private async Task InstallAsync(RegistryClient client, ResolvedImage image, PullProgressFeed feed, CancellationToken cancellation)
    {
        var documents = Task.Run(
            () =>
            {
                foreach (var (id, bytes) in image.Documents) parts.Content.Put(id, bytes);
            }, CancellationToken.None);
        try
        {
            await parts.Installer.InstallAsync(
                image.Layers, (plan, fetched) => client.Blob(plan.Blob, fetched), feed, cancellation).ConfigureAwait(false);
        }
        finally
        {
            await documents.ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The image that the registry just said the reference stands for, if every part of it is here: it gets the name, nothing is fetched.
    /// </summary>
    private ImageRecord? Known(ImageReference reference, Digest target)
    {
        if (parts.Images.FindByManifest(target) is not { } known) return null;
        if (!known.ChainIds.All(parts.Layers.Exists) || !ImageStore.BlobsOf(known).All(parts.Content.Contains)) return null;
        return parts.Images.AddNames(known with
        {
            RepoTags = Tags(reference),
            RepoDigests = [reference.DigestName(target)],
            PulledAt = DateTimeOffset.UtcNow,
        });
    }

    private static ImageRecord Record(ImageReference reference, ResolvedImage image) => new()
    {
        Id = image.ConfigDigest.ToString(),
        Manifests = [image.Manifest],
        RepoTags = Tags(reference),
        RepoDigests = [reference.DigestName(image.Target)],
        SizeBytes = image.SizeBytes,
        ChainIds = image.ChainIds,
        Config = image.Config,
        PulledAt = DateTimeOffset.UtcNow,
    };

    /// <summary>With a digest in the reference the tag was not asked of the registry, so it names nothing here.</summary>
    private static ImmutableArray<string> Tags(ImageReference reference) =>
        reference is { Digest: null, TagName: { } name } ? [name] : [];
}
