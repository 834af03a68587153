namespace ShimRuntime.Daemon.Checks;

/// <summary>How one thing that the daemon needs was found.</summary>
internal enum CheckOutcome
{
    Fine,

    /// <summary>It works, with less than everything; the detail says what is missing.</summary>
    Limited,

    /// <summary>The daemon would not start, or no container would.</summary>
    Broken,
}

/// <param name="Subject">A word or two: "runc", "cgroups".</param>
/// <param name="Detail">What was found; unless fine, what to do.</param>
internal sealed record CheckResult(string Subject, CheckOutcome Outcome, string Detail)
{
    public static CheckResult Fine(string subject, string detail) => new(subject, CheckOutcome.Fine, detail);

    public static CheckResult Limited(string subject, string detail) => new(subject, CheckOutcome.Limited, detail);

    public static CheckResult Broken(string subject, string detail) => new(subject, CheckOutcome.Broken, detail);
}
