using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Imports an OCI layout or a docker-archive. 1. The archive is staged. 2. All of its documents are checked, and every name, before
/// anything changes. 3. Each image goes through the same installer and records as a pull.
/// </summary>
/// <remarks>
/// An archive's own names are its word alone: one that this node knows as another image is not moved by it (GO-2026-5338). The operator's
/// word, the reference given with the import, may move a name.
/// </remarks>
internal sealed class Importer(ImageParts parts, CancellationToken daemon)
{
    /// <param name="reference">The only name that is taken; null: the archive's.</param>
    public async Task<IReadOnlyList<ImageRecord>> ImportAsync(Stream archive, ImageReference? reference, CancellationToken client)
    {
        if (reference?.Digest is not null)
            throw RuntimeFault.InvalidArgument($"failed to import image '{reference}': a digest is not ours to give; name it by a tag");
        using var both = CancellationTokenSource.CreateLinkedTokenSource(client, daemon);
        try
        {
            await using var staged = await StagedArchive.ReadAsync(
                archive, parts.Content.IngestDirectory, both.Token).ConfigureAwait(false);
            var images = Named(Read(staged), reference);
            var records = new List<ImageRecord>();
            foreach (var image in images) records.Add(await InstallAsync(image, both.Token).ConfigureAwait(false));
            return records;
        }
        catch (Exception e)
            when (e is InvalidDataException or TarFormatException or JsonException or ZstdSharp.ZstdException or EndOfStreamException)
        {
            throw new RuntimeFault(FaultCode.InvalidArgument,
                $"failed to import image archive: {e.Message}; write one with `docker save` or as an OCI layout", e);
        }
        catch (Exception e) when (DiskFull.IsCauseOf(e))
        {
            throw DiskFull.Fault("import image archive", e);
        }
    }

    private IReadOnlyList<ArchivedImage> Read(StagedArchive staged)
    {
        if (OciLayout.IsOne(staged)) return new OciLayout(staged, parts.Platform).Images();
        if (DockerArchive.IsOne(staged)) return new DockerArchive(staged, parts.Platform).Images();
        throw new InvalidDataException("it has neither oci-layout and index.json nor manifest.json");
    }

    private ImmutableArray<ArchivedImage> Named(IReadOnlyList<ArchivedImage> images, ImageReference? reference)
    {
        if (reference is not null) return [Choose(images, reference) with { Names = [reference] }];
        foreach (var (name, image) in images.SelectMany(i => i.Names, (image, name) => (name, image)))
        {
            if (parts.Images.Find(name.TagName!) is not { } holder || holder.Id == image.Image.ConfigDigest.ToString()) continue;
            throw new RuntimeFault(
                FaultCode.AlreadyExists,
                $"failed to import image '{name}': the name belongs to {holder.Id} here; name it yourself, or remove that image first");
        }

        return [.. images];
    }

    /// <summary>The image that the given name is for: the one that bears it, or the only one.</summary>
    private static ArchivedImage Choose(IReadOnlyList<ArchivedImage> images, ImageReference reference)
    {
        if (images.FirstOrDefault(i => i.Names.Contains(reference)) is { } named) return named;
        if (images.Count == 1) return images[0];
        var names = string.Join(", ", images.SelectMany(i => i.Names).Take(20));
        throw RuntimeFault.InvalidArgument(
            $"failed to import image '{reference}': the archive has {images.Count} images and none of that name, only {names}");
    }

    private async Task<ImageRecord> InstallAsync(ArchivedImage archived, CancellationToken cancellation)
    {
        var image = archived.Image;
        using var lease = parts.Leases.Begin("import");
        await lease.HoldAsync(image.ChainIds, image.Documents.Keys, cancellation).ConfigureAwait(false);
        try
        {
            foreach (var (id, bytes) in image.Documents) parts.Content.Put(id, bytes);
            var feed = new PullProgressFeed();
            await parts.Installer.InstallAsync(
                image.Layers, (plan, _) => archived.Layers[plan.Blob.Digest].Open(), feed, cancellation).ConfigureAwait(false);
            var record = parts.Images.Put(Record(archived));
            parts.Log.LogInformation("Imported {Id} as {Tags}", record.Id, string.Join(", ", record.RepoTags));
            return record;
        }
        finally
        {
            lease.Release();
        }
    }

    private static ImageRecord Record(ArchivedImage archived) => new()
    {
        Id = archived.Image.ConfigDigest.ToString(),
        Manifests = [archived.Image.Manifest],
        RepoTags = [.. archived.Names.Select(name => name.TagName!).Distinct()],
        RepoDigests = archived.HasOwnManifest ? [.. archived.Names.Select(name => name.DigestName(archived.Image.Target)).Distinct()] : [],
        SizeBytes = archived.Image.SizeBytes,
        ChainIds = archived.Image.ChainIds,
        Config = archived.Image.Config,
        PulledAt = DateTimeOffset.UtcNow,
    };
}
