namespace ShimRuntime.Shim.Runc;

/// <summary>
/// What runc tells CRIU (criu(8)), and where CRIU's log is: connections are kept when a container is dumped and closed or kept when it comes
/// back, as criu.conf of the bundle says; sockets that lead out of the container and locks of files are allowed.
/// </summary>
internal sealed class CriuDirectories
{
    private CriuDirectories(string images, string work, string log)
    {
        Arguments = ["--image-path", images, "--work-path", work, "--tcp-established", "--ext-unix-sk", "--file-locks"];
        Log = $"{work}/{log}";
    }

    public IReadOnlyList<string> Arguments { get; }

    public string Log { get; }

    public static CriuDirectories OfDump(string images, string work) => new(images, work, "dump.log");

    public static CriuDirectories OfRestore(string images, string work) => new(images, work, "restore.log");

    /// <summary>runc says no more than that CRIU has failed: why is in CRIU's log.</summary>
    public static RuncResult Explain(RuncResult result, string log) =>
        result.Succeeded || CriuLog.Errors(log) is not { } errors ? result : result with { Error = $"CRIU refused: {errors}" };
}
