using System.Collections.Concurrent;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>
/// The ends of systemd's jobs, told by its JobRemoved signal, which may come before the reply that names the job: so a unit is watched from
/// before the call, and what happens to other units is not kept.
/// </summary>
internal sealed class UnitJobs
{
    private readonly ConcurrentDictionary<Watched, string> _unitOf = new();

    public Watched Watch(string unit)
    {
        var watched = new Watched(this);
        _unitOf[watched] = unit;
        return watched;
    }

    /// <summary>A job has left systemd's queue.</summary>
    /// <param name="result">done, canceled, timeout, failed, dependency, skipped.</param>
    public void Removed(string job, string unit, string result)
    {
        foreach (var (watched, its) in _unitOf)
        {
            if (its == unit) watched.Ended(job).TrySetResult(result);
        }
    }

    /// <summary>A unit's jobs from now until disposal.</summary>
    internal sealed class Watched(UnitJobs owner) : IDisposable
    {
        private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _results = new(StringComparer.Ordinal);

        /// <param name="job">Its object path.</param>
        public Task<string> ResultOf(string job) => Ended(job).Task;

        public TaskCompletionSource<string> Ended(string job) =>
            _results.GetOrAdd(job, static _ => new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously));

        public void Dispose() => owner._unitOf.TryRemove(this, out _);
    }
}
