namespace ShimRuntime.Bench.Swap;

/// <summary>
/// What became of each request of a load, written by one thread and read when that has ended. Latencies count from the moment that a request
/// was due, in milliseconds.
/// </summary>
internal sealed class LoadTally
{
    private readonly List<double> _latencies = [];
    private readonly SortedDictionary<string, int> _failures = [];
    private int _retried;
    private int _connected;
    private double _late;

    public int Answered => _latencies.Count;

    /// <summary>Kept connections that the server had closed when the next request came, which HTTP/1.1 lets it (RFC 9112, 9.3.1): sent again once.</summary>
    public int Retried => _retried;

    /// <summary>"refused", "reset", "timed out", "wrong answer", with how often.</summary>
    public IReadOnlyDictionary<string, int> Failures => _failures;

    public int Failed => _failures.Values.Sum();

    /// <summary>How late the load itself was at its worst, in milliseconds: what the machine did to it, which is in every latency.</summary>
    public double Late => _late;

    /// <summary>Requests a second that were in fact sent.</summary>
    public double PerSecond { get; private set; }

    /// <summary>The worst, from when it was sent: without the load's own delay.</summary>
    public double WorstSinceSent { get; private set; }

    public double Worst => _latencies.Count == 0 ? double.NaN : _latencies.Max();

    /// <summary>A request was begun that long after it was due.</summary>
    public void Issue(double late) => _late = Math.Max(_late, late);

    public void Connect() => _connected++;

    public void Answer(double sinceDue, double sinceSent)
    {
        _latencies.Add(sinceDue);
        WorstSinceSent = Math.Max(WorstSinceSent, sinceSent);
    }

    /// <summary>How many there were, in that time.</summary>
    public void Sent(long requests, TimeSpan time) => PerSecond = requests / time.TotalSeconds;

    public void Retry() => _retried++;

    public void Fail(string how) => _failures[how] = _failures.GetValueOrDefault(how) + 1;

    /// <param name="share">0.5: the median.</param>
    public double Percentile(double share)
    {
        var sorted = _latencies.Order().ToArray();
        return sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
    }

    public override string ToString() =>
        $"{Answered} answered on {_connected} connections, {Retried} sent again, {Words(_failures)}; "
        + $"{PerSecond:0}/s, latency ms p50 {Percentile(0.5):0.0} p99 {Percentile(0.99):0.0} worst {Worst:0.0}, of it at most {Late:0.0} the load's own delay";

    private static string Words(IReadOnlyDictionary<string, int> failures) =>
        failures.Count == 0 ? "0 failed" : string.Join(", ", failures.Select(f => $"{f.Value} {f.Key}"));
}
