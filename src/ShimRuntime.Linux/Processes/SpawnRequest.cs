namespace ShimRuntime.Linux;

/// <summary>
/// One child process, everything about it said: argv, the whole environment, the fds above which all are closed. Signals get their
/// default dispositions and an empty mask unless <see cref="BlockedSignals"/> says otherwise.
/// </summary>
public sealed record SpawnRequest
{
    /// <summary>Absolute path of the executable.</summary>
    public required string Path { get; init; }

    /// <summary>argv, argv[0] included.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>KEY=value strings; nothing is inherited.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>0, 1 and 2 are /dev/null unless mapped; every other fd that is not mapped is closed.</summary>
    public IReadOnlyList<FdMapping> Fds { get; init; } = [];

    public string WorkingDirectory { get; init; } = "/";

    /// <summary>setsid(2) before exec: terminal signals and a group kill of ours do not reach it.</summary>
    public bool NewSession { get; init; }

    /// <summary>Signals (1–64) that stay blocked in the child; a NativeAOT child needs them blocked *before* its runtime starts.</summary>
    public IReadOnlyList<int> BlockedSignals { get; init; } = [];
}
