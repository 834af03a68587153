using Xunit;

namespace ShimRuntime.Linux.Tests.Mounts;

public sealed class OverlayMountTests : IDisposable
{
    private readonly TempDirectory _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void The_first_lower_directory_is_on_top_and_writes_go_to_upper()
    {
        var lowers = MakeLayers("lower", 2);
        var target = MountWritable(lowers);
        Assert.Equal("1", File.ReadAllText(Path.Combine(target, "who")));
        File.WriteAllText(Path.Combine(target, "new"), "n");
        Assert.True(File.Exists(Path.Combine(_temp.Path, "upper", "new")));
    }

    [Theory]
    [InlineData("a:b,c")]
    [InlineData("back\\slash")]
    public void Paths_with_overlayfs_special_characters_mount(string name)
    {
        var target = MountWritable(MakeLayers(name, 2));
        Assert.Equal("1", File.ReadAllText(Path.Combine(target, "who")));
    }

    [Theory]
    [InlineData(127)]
    [InlineData(150)]
    public void Many_layers_with_long_paths_mount_with_every_layer_visible(int count)
    {
        var lowers = MakeLayers("layer-" + new string('x', 180), count);
        Assert.Null(OverlayMount.PlainOptions(lowers, []));
        var target = MountWritable(lowers);
        Assert.Equal(Enumerable.Range(0, count).Select(i => $"only-{i}").Order(), Directory.GetFiles(target, "only-*").Select(Path.GetFileName).Order());
        Assert.Equal($"{count - 1}", File.ReadAllText(Path.Combine(target, "who")));
    }

    [Fact]
    public void An_upper_directory_left_by_a_crash_mounts_again_over_other_layers()
    {
        var target = MountWritable(MakeLayers("one", 2));
        File.WriteAllText(Path.Combine(target, "kept"), "k");
        Assert.True(MountPoint.Unmount(target));
        Assert.Equal("k", File.ReadAllText(Path.Combine(MountWritable(MakeLayers("two", 3)), "kept")));
    }

    [Fact]
    public void A_single_layer_is_shown_read_only()
    {
        var target = _temp.Make("target");
        OverlayMount.MountReadOnly(MakeLayers("single", 1), target);
        Assert.Equal("0", File.ReadAllText(Path.Combine(target, "who")));
        Assert.True(MountTable.Read().At(target)!.IsReadOnly);
    }

    [Fact]
    public void No_lower_directory_is_an_argument_error() =>
        Assert.Throws<ArgumentException>(() => OverlayMount.Mount([], _temp.Make("upper"), _temp.Make("work"), _temp.Make("target")));

    /// <summary>Top first; "who" names the layer, "only-N" is in one alone.</summary>
    private List<string> MakeLayers(string name, int count)
    {
        var paths = Enumerable.Range(0, count).Select(i => _temp.Make($"{name}-{i}")).ToList();
        for (var i = 0; i < count; i++)
        {
            File.WriteAllText(Path.Combine(paths[i], "who"), $"{i}");
            File.WriteAllText(Path.Combine(paths[i], $"only-{i}"), "");
        }

        paths.Reverse();
        return paths;
    }

    private string MountWritable(List<string> lowers)
    {
        var target = _temp.Make("target");
        OverlayMount.Mount(lowers, _temp.Make("upper"), _temp.Make("work"), target);
        return target;
    }
}
