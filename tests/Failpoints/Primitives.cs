using System.Collections.Immutable;

namespace ShimRuntime.Failpoints;

/// <summary>
/// The calls that change what outlives a process: durable files, processes, mounts, namespaces, cgroups, frames. Each call of one in src
/// is a failpoint. Written as Type.Method; types of the house are in ShimRuntime.Linux, File and Directory in System.IO.
/// </summary>
public static class Primitives
{
    /// <summary>Of several steps, which report by exception: a failpoint's error is thrown before the call, or after it as the last step's.</summary>
    private const string Throwing = """
        write: DurableFile.Write DurableFile.Delete Directory.Delete DirectoryTree.Remove
        mount: MountPoint.Bind MountPoint.UnmountBelow OverlayMount.Mount OverlayMount.MountReadOnly
        namespace: LinuxNamespace.Pin LinuxNamespace.Unpin
        cgroup: Cgroup.Create Cgroup.Enter
        """;

    /// <summary>
    /// Done whole or not at all, or hand out what their caller ends (after the call nobody would): an error comes before it only. A socket's calls fail
    /// while they are awaited, which is before as well.
    /// </summary>
    private const string Whole = """
        write: DurableFile.WriteVolatile DurableFile.Sync DurableFile.SyncDirectory SafeDirFd.Rename SafeDirFd.Sync SafeDirFd.SyncFilesystem
        write: Directory.CreateDirectory Directory.Move File.Delete File.Move RandomAccess.Write
        spawn: Spawner.Spawn ProgramExchange.Execute
        mount: MountPoint.Mount MountPoint.Tmpfs MountPoint.SetPropagation MountPoint.Unmount
        mount: DetachedMount.Of DetachedMount.MapIds DetachedMount.SetPropagation DetachedMount.MoveTo
        namespace: LinuxNamespace.Unshare LinuxNamespace.Enter UserNamespaceHolder.Start
        cgroup: CgroupFile.Write
        frame: Socket.SendAsync Socket.ReceiveAsync
        """;

    /// <summary>Report by false.</summary>
    private const string Answering = """
        cgroup: Cgroup.TryRemove Cgroup.TryFreeze CgroupFile.TryWrite
        """;

    /// <summary>Never fail: killed and delayed, but no error.</summary>
    private const string Unfailing = """
        write: ScratchFile.Delete
        cgroup: Cgroup.Kill Cgroup.RemoveIfUnused
        """;

    /// <summary>By "Type.Method".</summary>
    public static ImmutableDictionary<string, Primitive> All { get; } =
        Read(Throwing, Failing.Throws).Concat(Read(Whole, Failing.Before)).Concat(Read(Answering, Failing.Answers))
            .Concat(Read(Unfailing, Failing.Never)).ToImmutableDictionary(p => p.Name);

    /// <summary>Method names alone, to look at few calls closely.</summary>
    public static ImmutableHashSet<string> Methods { get; } = [.. All.Keys.Select(n => n[(n.IndexOf('.') + 1)..])];

    private static IEnumerable<Primitive> Read(string text, Failing failing) =>
        from line in text.Split('\n')
        let parts = line.Split(':', 2)
        from name in parts[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)
        select new Primitive(name, parts[0], failing);
}

/// <summary>One of them: <c>Type.Method</c>, what it changes, and how it tells that it failed.</summary>
public sealed record Primitive(string Name, string Kind, Failing Failing);

/// <summary>How a call tells that it failed.</summary>
public enum Failing
{
    Throws,
    Before,
    Answers,
    Never,
}
