using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// The leases of pulls and imports. One of a pull that failed, or that a crash cut, stays for <see cref="Grace"/>, so that kubelet's retry
/// finds the layers that were finished; then the collector may have them.
/// </summary>
internal sealed class LeaseStore
{
    /// <summary>Kubelet's longest back-off between pulls is five minutes.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromHours(1);
    private readonly string _directory;
    private readonly CollectorLock _collector;
    private readonly ConcurrentDictionary<string, LeaseRecord> _records = new();
    private readonly ConcurrentDictionary<string, bool> _live = new();

    private LeaseStore(string root, CollectorLock collector)
    {
        _directory = Path.Combine(root, "leases");
        _collector = collector;
    }

    public IReadOnlyCollection<LeaseRecord> Records => [.. _records.Values];

    public static LeaseStore Open(string root, CollectorLock collector, ILogger log)
    {
        var store = new LeaseStore(root, collector);
        PrivateDirectory.Create(store._directory);
        foreach (var path in Directory.EnumerateFiles(store._directory)) store.Load(path, log);
        return store;
    }

    /// <summary>A live lease that holds nothing yet, and is not on disk before it does.</summary>
    public Lease Begin(string reference)
    {
        var record = new LeaseRecord { Id = Guid.NewGuid().ToString("N"), Reference = reference, CreatedAt = DateTimeOffset.UtcNow };
        _live[record.Id] = true;
        return new Lease(this, record);
    }

    /// <summary>Forgets what nobody came back for, and what nobody has to. Called by the collector, alone.</summary>
    /// <param name="isSpent">Images name all that it holds: its pull was over, and a power loss brought it back, its deletion not being synced.</param>
    public void Expire(DateTimeOffset now, Func<LeaseRecord, bool> isSpent)
    {
        foreach (var record in _records.Values.Where(r => !_live.ContainsKey(r.Id) && (now - r.CreatedAt > Grace || isSpent(r)))) Delete(record);
    }

    /// <summary>Not synced by itself: each layer's syncfs takes it along, and before the first one there is nothing to hold.</summary>
    internal async Task WriteAsync(LeaseRecord record, CancellationToken cancellation)
    {
        using var reader = await _collector.ReadAsync(cancellation).ConfigureAwait(false);
        _records[record.Id] = record;
        DurableFile.WriteVolatile(PathOf(record), JsonSerializer.SerializeToUtf8Bytes(record, LeaseJson.Default.LeaseRecord));
        DeleteLeft(record.Reference);
    }

    internal void Release(LeaseRecord released)
    {
        Delete(released);
        DeleteLeft(released.Reference);
    }

    internal void Abandon(LeaseRecord record) => _live.TryRemove(record.Id, out _);

    /// <summary>What earlier attempts at the reference left: the newest lease names all that is still of use.</summary>
    private void DeleteLeft(string reference)
    {
        foreach (var left in _records.Values.Where(r => r.Reference == reference && !_live.ContainsKey(r.Id))) Delete(left);
    }

    private void Delete(LeaseRecord record)
    {
        if (!_records.TryRemove(record.Id, out _)) return;
        try
        {
            File.Delete(PathOf(record));
        }
        catch
        {
            _records.TryAdd(record.Id, record); // still there: the next attempt, or the collector, must find it
            throw;
        }
    }

    private void Load(string path, ILogger log)
    {
        try
        {
            var read = JsonSerializer.Deserialize(File.ReadAllBytes(path), LeaseJson.Default.LeaseRecord);
            if (read is { Version: LeaseRecord.CurrentVersion } record && Path.GetFileName(path) == record.Id + ".json")
            {
                _records[record.Id] = record;
                return;
            }
        }
        catch (JsonException)
        {
            // A torn lease holds nothing that anybody waits for.
        }

        log.LogWarning("Lease {Path} does not parse: deleted, its pull starts anew", path);
        File.Delete(path);
    }

    private string PathOf(LeaseRecord record) => Path.Combine(_directory, record.Id + ".json");
}
