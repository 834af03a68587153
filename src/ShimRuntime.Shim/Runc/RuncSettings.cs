namespace ShimRuntime.Shim.Runc;

/// <summary>How runc is called for one container.</summary>
/// <param name="Path">The binary.</param>
/// <param name="Root">Value of --root.</param>
/// <param name="Arguments">Global flags put before the verb, such as --systemd-cgroup.</param>
/// <param name="Id">runc's id: of one generation of the container.</param>
/// <param name="LogPrefix">Where the logs of its runs go; each is deleted with its run. Not the bundle, which goes before the last of them.</param>
internal sealed record RuncSettings(string Path, string Root, IReadOnlyList<string> Arguments, string Id, string LogPrefix);
