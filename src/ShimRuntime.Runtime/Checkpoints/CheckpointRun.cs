using Microsoft.Extensions.Logging;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// One archive of one or more containers, which all stand still from before the first is read until the last has been:
/// <code>
///   archive opened beside its place      a directory that can't be written to costs no container a pause
///   all held
///     each: CRIU's images, files, log    into directories of ours
///   all released
///   archive: each one's parts, seal      synced, renamed into place
/// </code>
/// Whatever fails, the containers go on and nothing is left.
/// </summary>
internal sealed class CheckpointRun(ContainerParts parts, CheckpointTarget target)
{
    private static readonly string[] CriuFiles = ["dump.log", "stats-dump"];
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(1); // our own deadline is to be the one that passes
    private readonly ILogger _log = parts.Logs.CreateLogger<CheckpointRun>();

    /// <param name="containers">Each with where its parts go in the archive: empty, or a directory with its slash.</param>
    /// <param name="documents">Further files of the archive, by name.</param>
    public async Task RunAsync(
        IReadOnlyList<(ContainerEntry Entry, string Prefix)> containers, IReadOnlyDictionary<string, byte[]> documents, CancellationToken daemon)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(daemon);
        deadline.CancelAfter(target.Timeout);
        try
        {
            await WriteAsync(containers, documents, deadline.Token).ConfigureAwait(false);
            _log.LogInformation("checkpoint of {Ids} written to {Path}", string.Join(", ", containers.Select(c => c.Entry.Id)), target.Path);
        }
        catch (OperationCanceledException) when (!daemon.IsCancellationRequested)
        {
            throw new RuntimeFault(FaultCode.DeadlineExceeded, $"{target.Failure}: it was not done within {target.Timeout.TotalSeconds:0} s; "
                + "nothing is written, and the container goes on as soon as CRIU lets go of it; give more time");
        }
        catch (ShimFault e)
        {
            throw new RuntimeFault(e.Code == FaultCode.Unknown ? FaultCode.FailedPrecondition : e.Code, $"{target.Failure}: {e.Message}", e);
        }
        catch (RuntimeFault e)
        {
            throw new RuntimeFault(e.Code, $"{target.Failure}: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var code = DiskFull.IsCauseOf(e) ? FaultCode.ResourceExhausted : FaultCode.FailedPrecondition;
            throw new RuntimeFault(code, $"{target.Failure}: {e.Message}; nothing is written", e);
        }
    }

    private async Task WriteAsync(
        IReadOnlyList<(ContainerEntry Entry, string Prefix)> containers, IReadOnlyDictionary<string, byte[]> documents, CancellationToken deadline)
    {
        var stages = new List<CheckpointStage>();
        try
        {
            foreach (var (entry, _) in containers) stages.Add(CheckpointStage.Create(parts, entry));
            // Told before it is made: a start that finds the note deletes what it names.
            var temporary = ArchiveFile.TemporaryFor(target.Path);
            await File.WriteAllTextAsync(stages[0].PathOf(ContainerFiles.StagingNote), temporary, deadline).ConfigureAwait(false);
            await using var archive = ArchiveFile.Create(target.Path, temporary);
            await ReadAsync(stages, deadline).ConfigureAwait(false);
            foreach (var (stage, (_, prefix)) in stages.Zip(containers)) await AddAsync(archive, stage, prefix, deadline).ConfigureAwait(false);
            foreach (var (name, content) in documents) await archive.AddBytesAsync(name, content, deadline).ConfigureAwait(false);
            var seal = new CheckpointSeal(parts.Files.Paths.CheckpointKey).Of(archive.Files);
            await archive.AddBytesAsync(CheckpointSeal.FileName, seal, deadline).ConfigureAwait(false);
            await archive.CommitAsync(deadline).ConfigureAwait(false);
        }
        finally
        {
            foreach (var stage in stages) await stage.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task ReadAsync(List<CheckpointStage> stages, CancellationToken deadline)
    {
        var held = new List<HeldContainer>();
        try
        {
            foreach (var stage in stages) held.Add(await HoldAsync(stage.Entry, deadline).ConfigureAwait(false));
            foreach (var stage in stages) await stage.FillAsync(deadline).ConfigureAwait(false);
            foreach (var hold in held) await hold.CheckAsync().ConfigureAwait(false);
        }
        finally
        {
            foreach (var hold in held) await hold.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<HeldContainer> HoldAsync(ContainerEntry entry, CancellationToken deadline)
    {
        var shim = entry.Shim ?? throw new ShimFault(FaultCode.Unavailable, $"the shim of container '{entry.Id}' is gone");
        return await HeldContainer.HoldAsync(shim, target.Timeout + Margin, deadline).ConfigureAwait(false);
    }

    private async Task AddAsync(ArchiveFile archive, CheckpointStage stage, string prefix, CancellationToken deadline)
    {
        var entry = stage.Entry;
        await archive.AddDirectoryAsync(prefix + CheckpointStage.Images, deadline).ConfigureAwait(false);
        foreach (var image in Directory.EnumerateFiles(stage.PathOf(CheckpointStage.Images)).Order(StringComparer.Ordinal))
            await archive.AddFileAsync($"{prefix}{CheckpointStage.Images}/{Path.GetFileName(image)}", image, deadline).ConfigureAwait(false);
        await archive.AddBytesAsync(prefix + CheckpointDocuments.ConfigDump, Config(entry), deadline).ConfigureAwait(false);
        var spec = parts.Files.Paths.Config(entry.Id, entry.Record.Generation);
        await archive.AddFileAsync(prefix + CheckpointDocuments.SpecDump, spec, deadline).ConfigureAwait(false);
        await archive.AddBytesAsync(prefix + CheckpointDocuments.StatusDump, CheckpointDocuments.Status(entry.Record), deadline).ConfigureAwait(false);
        await archive.AddFileAsync(prefix + CheckpointStage.RootfsDiff, stage.PathOf(CheckpointStage.RootfsDiff), deadline).ConfigureAwait(false);
        await archive.AddBytesAsync(prefix + CheckpointDocuments.DeletedFiles, CheckpointDocuments.Deleted(stage.Deleted), deadline)
            .ConfigureAwait(false);
        foreach (var file in (string[])[.. CriuFiles, CheckpointStage.Log])
        {
            if (File.Exists(stage.PathOf(file))) await archive.AddFileAsync(prefix + file, stage.PathOf(file), deadline).ConfigureAwait(false);
        }
    }

    private byte[] Config(ContainerEntry entry)
    {
        var image = parts.Images.Find(entry.Record.ImageId);
        var name = image?.RepoTags is [var tag, ..] ? tag : image?.RepoDigests is [var digest, ..] ? digest : entry.Record.ImageId;
        var handler = parts.Sandboxes.Find(entry.Record.SandboxId)?.RuntimeHandler ?? "";
        return CheckpointDocuments.Config(entry, name, Path.GetFileName(parts.Handlers.PathOf(handler)));
    }
}
