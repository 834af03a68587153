namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>A root file system in a directory of its own.</summary>
internal sealed class TestRootfs : IDisposable
{
    public const string Passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n";
    public const string Group = "root:x:0:\napp:x:1000:\nstaff:x:50:app\nvideo:x:44:root,app\n";

    public TestRootfs()
    {
        File.SetUnixFileMode(Path, (UnixFileMode)0x1ED); // 0755: a user other than root must get in
        Write("/etc/passwd", Passwd);
        Write("/etc/group", Group);
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("rootfs-").FullName;

    public void Write(string file, string content)
    {
        var path = Path + file;
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }

    public void Link(string link, string target)
    {
        File.Delete(Path + link);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path + link)!);
        File.CreateSymbolicLink(Path + link, target);
    }

    public void Dispose() => Directory.Delete(Path, true);
}
