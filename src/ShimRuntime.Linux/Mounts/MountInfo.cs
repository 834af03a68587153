namespace ShimRuntime.Linux;

/// <summary>One line of /proc/&lt;pid&gt;/mountinfo, proc(5). Paths are unescaped; bytes that are not UTF-8 become U+FFFD.</summary>
/// <param name="Id">Unique while mounted; reused afterwards.</param>
/// <param name="Device">"major:minor" of files on it.</param>
/// <param name="Root">The directory of the file system that is mounted: "/" unless a bind mount.</param>
/// <param name="Options">Per-mount options: "rw,nosuid".</param>
/// <param name="SharedGroup">Peer group that it shares with ("shared:N"), or 0.</param>
/// <param name="MasterGroup">Peer group that it receives from ("master:N"), or 0.</param>
/// <param name="SuperOptions">Options of the file system: of an overlay "lowerdir=…,upperdir=…".</param>
public sealed record MountInfo(
    int Id, int ParentId, string Device, string Root, string Target, string Options,
    int SharedGroup, int MasterGroup, string Type, string Source, string SuperOptions)
{
    public bool IsReadOnly => Options.Split(',').Contains("ro");
}
