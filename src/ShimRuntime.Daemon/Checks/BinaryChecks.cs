namespace ShimRuntime.Daemon.Checks;

/// <summary>Executables that are started as root: there, executable, and nobody else's to change.</summary>
internal static class BinaryChecks
{
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
    private const UnixFileMode WritableByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    public static CheckResult Shim(string path) =>
        Problem("shim", path, "set shim_path, or install it beside the daemon") ?? CheckResult.Fine("shim", path);

    /// <summary>Null when the file can be started.</summary>
    public static CheckResult? Problem(string subject, string path, string advice)
    {
        if (!File.Exists(path)) return CheckResult.Broken(subject, $"{path} is not there; {advice}");
        var mode = File.GetUnixFileMode(path);
        if ((mode & Executable) == 0) return CheckResult.Broken(subject, $"{path} is not executable; chmod +x it, or {advice}");
        return (mode & WritableByOthers) == 0
            ? null
            : CheckResult.Limited(subject, $"{path} is writable by others than root (CVE-2019-5736); chmod go-w it");
    }
}
