using Xunit;

namespace ShimRuntime.Images.Tests.Layers;

/// <summary>Deletions, looked at through real overlay mounts.</summary>
public sealed class WhiteoutTests : IDisposable
{
    private readonly LayerWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_whiteout_hides_a_file_and_a_directory_of_lower_layers()
    {
        _world.Add(new TarBuilder().File("keep").File("gone").Directory("dir/").File("dir/inner"));
        _world.Add(new TarBuilder().File(".wh.gone").File(".wh.dir"));
        Assert.Equal(["keep"], Names(_world.Mount()));
        Assert.True(LayerWorld.Stat(_world.Top, "gone")!.Value.IsWhiteout);
    }

    [Fact]
    public void An_opaque_mark_hides_the_contents_below_and_keeps_the_directory()
    {
        _world.Add(new TarBuilder().Directory("d/", 0x1C0).File("d/old"));
        _world.Add(new TarBuilder().File("d/.wh..wh..opq").File("d/new"));
        var merged = _world.Mount();
        Assert.Equal(["new"], Names(Path.Combine(merged, "d")));
        Assert.Equal(0x1C0u, LayerWorld.Stat(merged, "d")!.Value.Mode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_whiteout_applies_to_lower_layers_only_wherever_it_stands(bool first)
    {
        _world.Add(new TarBuilder().File("f", "old").Directory("d/", 0x1C0).File("d/old"));
        var tar = new TarBuilder();
        if (first) tar.File(".wh.f").File(".wh.d");
        tar.File("f", "new").Directory("d/").File("d/new");
        if (!first) tar.File(".wh.f").File(".wh.d");
        _world.Add(tar);
        var merged = _world.Mount();
        Assert.Equal("new", File.ReadAllText(Path.Combine(merged, "f")));
        Assert.Equal(["new"], Names(Path.Combine(merged, "d")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_directory_that_is_only_implied_over_a_whiteout_inherits_nothing(bool first)
    {
        _world.Add(new TarBuilder { Uid = 7 }.Directory("d/", 0x1C0).File("d/old"));
        _world.Add(first ? new TarBuilder().File(".wh.d").File("d/new") : new TarBuilder().File("d/new").File(".wh.d"));
        var merged = _world.Mount();
        Assert.Equal(["new"], Names(Path.Combine(merged, "d")));
        var status = LayerWorld.Stat(merged, "d")!.Value;
        Assert.Equal((0x1EDu, 0u), (status.Mode, status.Uid));
    }

    [Fact]
    public void An_opaque_root_hides_every_layer_below()
    {
        _world.Add(new TarBuilder().File("old").Directory("d/").File("d/old"));
        _world.Add(new TarBuilder().File(".wh..wh..opq").File("new").File("d/new"));
        _world.Add(new TarBuilder().File("top"));
        var merged = _world.Mount();
        Assert.Equal(["d", "new", "top"], Names(merged));
        Assert.Equal(["new"], Names(Path.Combine(merged, "d")));
    }

    [Fact]
    public void A_third_layer_brings_a_name_back_without_what_the_second_deleted()
    {
        _world.Add(new TarBuilder().Directory("d/").File("d/a"));
        _world.Add(new TarBuilder().File(".wh.d"));
        _world.Add(new TarBuilder().File("d/b"));
        Assert.Equal(["b"], Names(Path.Combine(_world.Mount(), "d")));
    }

    [Fact]
    public void A_character_device_0_0_is_overlayfss_own_whiteout()
    {
        _world.Add(new TarBuilder().File("gone").File("kept"));
        _world.Add(new TarBuilder().Device('3', "gone", 0, 0));
        Assert.Equal(["kept"], Names(_world.Mount()));
    }

    [Fact]
    public void Bookkeeping_of_AUFS_is_no_content()
    {
        _world.Add(new TarBuilder().File(".wh..wh.aufs").Directory(".wh..wh.plnk/").File(".wh..wh.plnk/1.2").File("d/x").File("d/.wh..wh.orph"));
        Assert.Equal(["d"], Names(_world.Top));
        Assert.Equal(["x"], Names(Path.Combine(_world.Top, "d")));
    }

    [Theory]
    [InlineData(".wh.")]
    [InlineData(".wh..")]
    [InlineData(".wh...")]
    [InlineData("d/.wh...")]
    public void A_whiteout_of_no_name_is_refused(string name) =>
        Assert.Contains("deletes no possible name", _world.Refuse(new TarBuilder().File(name)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_whiteout_cannot_hold_entries() =>
        Assert.Contains("can't hold entries", _world.Refuse(new TarBuilder().File(".wh.d/x")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_whiteout_in_the_base_layer_hides_nothing_and_harms_nothing()
    {
        _world.Add(new TarBuilder().File(".wh.never").File("f"));
        Assert.Equal(["f"], Names(_world.Mount()));
    }

    private static IEnumerable<string?> Names(string path) => Directory.GetFileSystemEntries(path).Select(Path.GetFileName).Order();
}
