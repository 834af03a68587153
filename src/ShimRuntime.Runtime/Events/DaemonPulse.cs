using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Events;

/// <summary>
/// Until when the daemon before this one is known to have run: the modification time of a file in the state directory. An end that a shim
/// recorded later was told to nobody.
/// </summary>
internal sealed class DaemonPulse
{
    private readonly string _path;

    public DaemonPulse(string stateDirectory)
    {
        _path = Path.Combine(stateDirectory, "alive");
        if (File.Exists(_path)) LastNanos = UnixTime.Nanos(File.GetLastWriteTimeUtc(_path));
    }

    /// <summary>Unix time of the last beat before this start; 0: there was no daemon since the machine's start.</summary>
    public long LastNanos { get; }

    /// <summary>Never throws: without a beat an end is told twice, which is better than not at all.</summary>
    public void Beat()
    {
        try
        {
            using (File.OpenHandle(_path, FileMode.OpenOrCreate, FileAccess.Write)) File.SetLastWriteTimeUtc(_path, DateTime.UtcNow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full or read-only /run.
        }
    }
}
