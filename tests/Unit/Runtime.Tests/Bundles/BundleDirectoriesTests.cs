using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

public sealed class BundleDirectoriesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("volumes-").FullName;
    private readonly TestRootfs _rootfs = new();
    private readonly SpecFixture _spec = new();

    public void Dispose()
    {
        Directory.Delete(_directory, true);
        _rootfs.Dispose();
        _spec.Dispose();
    }

    [Fact]
    public void A_volume_is_a_faithful_copy_of_the_image_s_directory()
    {
        _rootfs.Write("/db/sub/a", "content");
        File.SetUnixFileMode(_rootfs.Path + "/db/sub/a", (UnixFileMode)0x940); // 04500
        File.SetUnixFileMode(_rootfs.Path + "/db", (UnixFileMode)0x1C0);
        File.CreateSymbolicLink(_rootfs.Path + "/db/link", "/etc/shadow");
        using (var sparse = File.Create(_rootfs.Path + "/db/sparse")) sparse.SetLength(8 << 20);
        var bundle = Volume("/db");

        BundleDirectories.Make(bundle, _rootfs.Path);

        var copy = bundle.Volumes[0].HostPath;
        Assert.Equal("content", File.ReadAllText(copy + "/sub/a"));
        Assert.Equal((UnixFileMode)0x940, File.GetUnixFileMode(copy + "/sub/a"));
        Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(copy));
        Assert.Equal("/etc/shadow", new FileInfo(copy + "/link").LinkTarget);
        Assert.Equal(8 << 20, new FileInfo(copy + "/sparse").Length);
        Assert.Equal(["0"], Directory.EnumerateFileSystemEntries(_directory).Select(Path.GetFileName));
    }

    [Fact]
    public void A_volume_is_filled_once()
    {
        _rootfs.Write("/db/a", "first");
        var bundle = Volume("/db");
        BundleDirectories.Make(bundle, _rootfs.Path);
        File.WriteAllText(bundle.Volumes[0].HostPath + "/a", "written by the container");
        BundleDirectories.Make(bundle, _rootfs.Path);
        Assert.Equal("written by the container", File.ReadAllText(bundle.Volumes[0].HostPath + "/a"));
    }

    [Fact]
    public void A_half_filled_volume_is_made_anew()
    {
        _rootfs.Write("/db/a", "image");
        Directory.CreateDirectory(_directory + "/0.new/rest");
        var bundle = Volume("/db");
        BundleDirectories.Make(bundle, _rootfs.Path);
        Assert.Equal(["a"], Directory.EnumerateFileSystemEntries(bundle.Volumes[0].HostPath).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("../../../../../../../../../../etc")]
    [InlineData("/etc")]
    public void A_volume_by_symbolic_link_never_copies_the_host(string target)
    {
        // The rootfs has an /etc of its own with two files; the host's has many.
        _rootfs.Link("/db", target);
        var bundle = Volume("/db");
        BundleDirectories.Make(bundle, _rootfs.Path);
        Assert.Equal(
            ["group", "passwd"], Directory.EnumerateFileSystemEntries(bundle.Volumes[0].HostPath).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_missing_directory_of_the_image_is_an_empty_volume()
    {
        var bundle = Volume("/none");
        BundleDirectories.Make(bundle, _rootfs.Path);
        Assert.Empty(Directory.EnumerateFileSystemEntries(bundle.Volumes[0].HostPath));
    }

    private Bundle Volume(string path)
    {
        _spec.Image = _spec.Image with { Volumes = new Dictionary<string, EmptyObject> { [path] = new() } };
        var bundle = _spec.Build();
        return bundle with { Volumes = [new ImageVolume(path, Path.Combine(_directory, "0"))] };
    }
}
