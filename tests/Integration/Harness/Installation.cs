namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Where the published binaries, the logs and the machine's own tools are.</summary>
public static class Installation
{
    /// <summary>The directory that holds ShimRuntime.sln.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>artifacts/bin, or what SHIMRUNTIME_BIN names.</summary>
    public static string Binaries =>
        Environment.GetEnvironmentVariable("SHIMRUNTIME_BIN") ?? Path.Combine(RepositoryRoot, "artifacts/bin");

    /// <summary>Daemon and container logs, one directory a test class; kept after the run.</summary>
    public static string Logs { get; } = Path.Combine(RepositoryRoot, "artifacts/test-logs");

    /// <summary>An executable of the machine, searched where Debian puts it.</summary>
    public static string Tool(string name)
    {
        foreach (var directory in new[] { "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin" })
        {
            var path = Path.Combine(directory, name);
            if (File.Exists(path)) return path;
        }

        throw new InvalidOperationException($"'{name}' is not installed; 'make test' installs what the integration tests need");
    }

    /// <summary>A published binary of ours.</summary>
    public static string Binary(string name)
    {
        var path = Path.Combine(Binaries, name);
        return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is missing; run 'make build' first");
    }

    /// <summary>A shim of the previous protocol version.</summary>
    public static string PreviousShim
    {
        get
        {
            var path = Path.Combine(RepositoryRoot, "artifacts/previous-protocol/shimruntime-shim");
            return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is missing; run 'eng/previous-shim.sh' first");
        }
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "ShimRuntime.sln"))) return directory.FullName;
        }

        throw new InvalidOperationException($"ShimRuntime.sln is in no parent of {AppContext.BaseDirectory}");
    }
}
