namespace ShimRuntime.Daemon.Configuration;

/// <summary>Where the two binaries are that the daemon starts, when the config does not say.</summary>
internal static class Executables
{
    private static readonly string[] RuncPaths = ["/usr/local/sbin/runc", "/usr/local/bin/runc", "/usr/sbin/runc", "/usr/bin/runc"];

    public static string Runc(string configured) =>
        configured.Length > 0 ? configured : Array.Find(RuncPaths, File.Exists) ?? "/usr/sbin/runc";

    public static string Shim(string configured) =>
        configured.Length > 0 ? configured : Path.Combine(Path.GetDirectoryName(Environment.ProcessPath) ?? "/usr/bin", "shimruntime-shim");
}
