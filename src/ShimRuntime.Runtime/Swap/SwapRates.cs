using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Swap;

/// <summary>
/// How often one container may be swapped: so many a minute, and after failures in a row only after a pause that doubles. Under its gate.
/// </summary>
internal sealed class SwapRates(TimeProvider time)
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);
    private readonly Queue<DateTimeOffset> _begun = new();
    private int _failures;
    private DateTimeOffset _notBefore;

    /// <summary>Counts one that begins now.</summary>
    /// <exception cref="RuntimeFault">ResourceExhausted, with when to try again; nothing is counted.</exception>
    public void Take(int perMinute)
    {
        var now = time.GetUtcNow();
        while (_begun.TryPeek(out var first) && now - first >= Window) _begun.Dequeue();
        if (now < _notBefore) throw Refused($"the last {_failures} failed", _notBefore - now);
        if (_begun.Count >= perMinute) throw Refused($"{perMinute} a minute are allowed", Window - (now - _begun.Peek()));
        _begun.Enqueue(now);
    }

    public void Report(bool succeeded)
    {
        _failures = succeeded ? 0 : _failures + 1;
        if (_failures == 0) return;
        var pause = FirstPause * Math.Pow(2, Math.Min(_failures - 1, 30));
        _notBefore = time.GetUtcNow() + (pause < LongestPause ? pause : LongestPause);
    }

    private static RuntimeFault Refused(string cause, TimeSpan wait) => new(FaultCode.ResourceExhausted,
        $"failed to swap container: too many swaps: {cause}; try again in {Math.Ceiling(wait.TotalSeconds):0} s");
}
