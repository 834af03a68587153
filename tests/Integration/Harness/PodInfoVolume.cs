using ShimRuntime.Linux;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>A downwardAPI volume as kubelet keeps it: the files are links into ..data, a link that is renamed to a new directory with each change.</summary>
internal sealed class PodInfoVolume
{
    private int _version;

    public PodInfoVolume(string path, string content = "")
    {
        Path = Directory.CreateDirectory(path).FullName;
        Write(content);
        File.CreateSymbolicLink(System.IO.Path.Combine(Path, "swap"), "..data/swap");
    }

    public string Path { get; }

    public void Write(string content)
    {
        var next = $"..version{++_version}";
        Directory.CreateDirectory(System.IO.Path.Combine(Path, next));
        File.WriteAllText(System.IO.Path.Combine(Path, next, "swap"), content);
        File.CreateSymbolicLink(System.IO.Path.Combine(Path, "..data_tmp"), next);
        using var directory = SafeDirFd.Open(Path);
        directory.Rename(FileName.Create("..data_tmp"), directory, FileName.Create("..data"), RenameFlags.None);
        var old = System.IO.Path.Combine(Path, $"..version{_version - 1}");
        if (Directory.Exists(old)) Directory.Delete(old, true);
    }
}
