using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Tests.Bundles;
using Xunit;
using Propagation = ShimRuntime.Cri.V1.MountPropagation;

namespace ShimRuntime.Runtime.Tests.Containers;

/// <summary>Images as mounts, on real overlay mounts: what a request may say, and where a sub-path may lead.</summary>
public sealed class ImageVolumeMountsTests : IDisposable
{
    private readonly string _base = Directory.CreateTempSubdirectory("srt-imagemounts-").FullName;

    public ImageVolumeMountsTests()
    {
        foreach (var directory in new[] { "layer/dir/deep", "empty" }) Directory.CreateDirectory(Path.Combine(_base, directory));
        File.WriteAllText(Path.Combine(_base, "layer/dir/file"), "content");
        foreach (var (link, target) in new[]
        {
            ("inside", "dir"), ("absolute", "/etc"), ("up", "../../../../../../etc"), ("dir/back", "../dir/deep"), ("a", "b"), ("b", "a"),
        })
        {
            File.CreateSymbolicLink(Path.Combine(_base, "layer", link), target);
        }
    }

    public void Dispose()
    {
        MountPoint.UnmountBelow(_base);
        Directory.Delete(_base, true);
    }

    [Theory]
    [InlineData("", "dir/file")]
    [InlineData("dir", "file")]
    [InlineData("inside", "file")]
    [InlineData("dir/back", "")]
    [InlineData("./dir//", "file")]
    public void A_part_is_mounted_read_only(string subPath, string file)
    {
        var place = Make(subPath);
        if (file.Length > 0) Assert.Equal("content", File.ReadAllText(Path.Combine(place, file)));
        var options = MountTable.Read().At(place)!.Options.Split(',');
        Assert.Superset(new HashSet<string> { "ro", "nosuid", "nodev" }, options.ToHashSet());
    }

    [Fact]
    public void A_file_can_be_a_part()
    {
        var place = Make("inside/file");
        Assert.Equal("content", File.ReadAllText(place));
        Assert.Throws<IOException>(() => File.WriteAllText(place, "changed"));
    }

    [Theory]
    [InlineData("absolute", "leads out of the image")]
    [InlineData("absolute/passwd", "leads out of the image")]
    [InlineData("up", "leads out of the image")]
    [InlineData("a", "is a loop of symbolic links")]
    [InlineData("dir/none", "does not exist in the image")]
    [InlineData("dir/file/x", "does not exist in the image")]
    public void What_leads_nowhere_or_elsewhere_is_refused(string subPath, string cause)
    {
        var fault = Assert.Throws<RuntimeFault>(() => Make(subPath));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
        Assert.Contains($"ImageVolumeMountFailed: mounts[1].image_sub_path '{subPath}' {cause}", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/abs", "image_sub_path '/abs' is absolute")]
    [InlineData("a/../b", "image_sub_path '/a/../b' contains '..'")]
    [InlineData("a\0", "image_sub_path contains a NUL byte")]
    public void A_sub_path_is_plain(string subPath, string sentence) => Refuses(m => m.ImageSubPath = subPath, sentence);

    [Fact]
    public void A_mount_of_an_image_is_nothing_else()
    {
        Refuses(m => m.HostPath = "/x", "host_path is given beside image");
        Refuses(m => m.Image = null, "image_sub_path is given without image", m => m.ImageSubPath = "x");
        Refuses(m => m.Image.Image = "", "image.image is empty");
        Refuses(m => m.Propagation = (Propagation)9, "propagation 9 is unknown");
        Refuses(m => m.MountOptions.Add("exec"), "mount_options 'exec'");
        Refuses(m => m.ContainerPath = "/", "container_path is '/'");
        Refuses(m => m.Image.Image = "unknown", "image 'unknown' is not on this node; pull it first", code: FaultCode.NotFound);
    }

    [Fact]
    public void An_image_that_is_mounted_twice_is_held_once()
    {
        var config = new ContainerConfig { Mounts = { Asked("data"), new Mount { HostPath = "/h", ContainerPath = "/h" }, Asked("data"), Asked("other") } };
        var found = ImageVolumeMounts.Find(config, new Store());
        Assert.Equal(["data", "other"], found.Images.Select(i => i.Id));
    }

    private string Make(string subPath)
    {
        var config = new ContainerConfig { Mounts = { new Mount { HostPath = "/h", ContainerPath = "/h" }, Asked("data") } };
        config.Mounts[1].ImageSubPath = subPath;
        var snapshot = new Snapshot("c", [_base], _base, _base)
        {
            Mounted = [[Path.Combine(_base, "layer"), Path.Combine(_base, "empty")]],
        };
        return ImageVolumeMounts.Find(config, new Store()).Make(snapshot, new PodLayers(TestSandbox.Of(TestSandbox.DefaultPod()), ""), Path.Combine(_base, "mounts"))[1];
    }

    private static void Refuses(Action<Mount> change, string sentence, Action<Mount>? also = null, FaultCode code = FaultCode.InvalidArgument)
    {
        var mount = Asked("data");
        change(mount);
        also?.Invoke(mount);
        var fault = Assert.Throws<RuntimeFault>(() => ImageVolumeMounts.Find(new ContainerConfig { Mounts = { mount } }, new Store()));
        Assert.Contains("mounts[0]." + sentence, fault.Message, StringComparison.Ordinal);
        Assert.Equal(code, fault.Code);
    }

    private static Mount Asked(string image) => new() { ContainerPath = "/data", Image = new ImageSpec { Image = image }, Readonly = true };

    private sealed class Store : IImageStore
    {
        public ImageRecord? Find(string reference) => reference == "unknown" ? null : new ImageRecord
        {
            Id = reference, Manifests = [], SizeBytes = 1, ChainIds = [], Config = new ImageConfig(),
        };

        public IReadOnlyCollection<ImageRecord> List() => [];
    }
}
