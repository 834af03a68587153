using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Layers;

/// <summary>What a layer that was unpacked alone takes from the layers below at its commit; looked at through real overlay mounts.</summary>
public sealed class LowerLayerTests : IDisposable
{
    private readonly LayerWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Implied_directories_look_as_they_did_below()
    {
        _world.Add(new TarBuilder { Uid = 11, Gid = 22, ModifySeconds = 1111 }.Directory("./", 0x1C9).Pax(("SCHILY.xattr.user.k", "v")).Directory("a/", 0x5C0)
            .Directory("a/b/", 0x3FF).File("a/b/old"));
        _world.Add(new TarBuilder().File("a/b/new").File("a/c/new"));
        var merged = _world.Mount();
        var (root, a, b, c) = (SafeDirFd.Open(_world.Top), LayerWorld.Stat(merged, "a")!.Value, LayerWorld.Stat(merged, "a/b")!.Value, LayerWorld.Stat(merged, "a/c")!.Value);
        using (root) Assert.Equal((0x1C9u, 11u), (root.Stat().Mode, root.Stat().Uid));
        Assert.Equal((0x5C0u, 11u, 22u, 1111L), (a.Mode, a.Uid, a.Gid, a.ModifyTime.Seconds));
        Assert.Equal((0x3FFu, 11u, 22u, 1111L), (b.Mode, b.Uid, b.Gid, b.ModifyTime.Seconds));
        Assert.Equal((0x1EDu, 0u, 0u), (c.Mode, c.Uid, c.Gid));
        Assert.Equal("v", LayerWorld.Xattr(merged, "a", "user.k"));
        Assert.True(File.Exists(Path.Combine(merged, "a/b/old")) && File.Exists(Path.Combine(merged, "a/b/new")));
    }

    [Fact]
    public void The_nearest_layer_below_counts_through_layers_that_lack_the_directory()
    {
        _world.Add(new TarBuilder().Directory("d/", 0x1C0).Directory("d/e/", 0x1C1));
        _world.Add(new TarBuilder().Directory("d/", 0x1C8));
        _world.Add(new TarBuilder().File("unrelated"));
        _world.Add(new TarBuilder().File("d/e/f"));
        var merged = _world.Mount();
        Assert.Equal((0x1C8u, 0x1C1u), (LayerWorld.Stat(merged, "d")!.Value.Mode, LayerWorld.Stat(merged, "d/e")!.Value.Mode));
    }

    [Theory]
    [InlineData(".wh.d")]
    [InlineData("d/.wh.e")]
    [InlineData("d/.wh..wh..opq")]
    public void Nothing_is_taken_from_behind_a_deletion_in_between(string whiteout)
    {
        _world.Add(new TarBuilder { Uid = 9 }.Directory("d/", 0x1C0).Directory("d/e/", 0x1C1));
        _world.Add(new TarBuilder().File(whiteout));
        _world.Add(new TarBuilder().File("d/e/f"));
        var status = LayerWorld.Stat(_world.Mount(), "d/e")!.Value;
        Assert.Equal((0x1EDu, 0u), (status.Mode, status.Uid));
    }

    [Fact]
    public void A_directory_over_a_lower_link_or_file_takes_nothing_from_it()
    {
        _world.Add(new TarBuilder { Uid = 9 }.Symlink("lib", "usr/lib").Directory("usr/lib/", 0x1C0).File("bin", "file", 0x1FF));
        _world.Add(new TarBuilder().File("lib/x").File("bin/y"));
        var merged = _world.Mount();
        Assert.Equal((FileKind.Directory, 0x1EDu, 0u), Shape(merged, "lib"));
        Assert.Equal((FileKind.Directory, 0x1EDu, 0u), Shape(merged, "bin"));
        Assert.Equal(["x"], Directory.GetFileSystemEntries(Path.Combine(merged, "lib")).Select(Path.GetFileName));
    }

    [Fact]
    public void A_hard_link_into_a_lower_layer_makes_both_names_one_inode()
    {
        _world.Add(new TarBuilder { Uid = 4, Gid = 5, ModifySeconds = 99 }.Directory("d/", 0x1C0).Pax(("SCHILY.xattr.user.k", "v")).File("d/target", "content", 0x9ED));
        _world.Add(new TarBuilder().HardLink("l", "d/target").HardLink("m", "./l").HardLink("x/n", "/d/target"));
        var merged = _world.Mount();
        foreach (var name in new[] { "l", "m", "x/n", "d/target" })
        {
            Assert.Equal("content", File.ReadAllText(Path.Combine(merged, name)));
            var status = LayerWorld.Stat(merged, name)!.Value;
            Assert.Equal((0x9EDu, 4u, 5u, 99L), (status.Mode, status.Uid, status.Gid, status.ModifyTime.Seconds));
        }

        Assert.Equal(LayerWorld.Stat(merged, "l")!.Value.Inode, LayerWorld.Stat(merged, "d/target")!.Value.Inode);
        Assert.Equal(LayerWorld.Stat(merged, "l")!.Value.Inode, LayerWorld.Stat(merged, "m")!.Value.Inode);
        Assert.Equal("v", LayerWorld.Xattr(merged, "l", "user.k"));
        Assert.Equal(0x1C0u, LayerWorld.Stat(merged, "d")!.Value.Mode);
    }

    [Fact]
    public void A_later_member_replaces_a_link_into_a_lower_layer_or_its_target()
    {
        _world.Add(new TarBuilder().File("t", "old"));
        _world.Add(new TarBuilder().HardLink("l", "t").HardLink("kept", "l").File("l", "file").HardLink("gone", "t").File("gone", "").File("t", "new"));
        var merged = _world.Mount();
        Assert.Equal(("file", "old", "", "new"), (Read(merged, "l"), Read(merged, "kept"), Read(merged, "gone"), Read(merged, "t")));
    }

    [Theory]
    [InlineData("t", ".wh.t")]
    [InlineData("d/t", ".wh.d")]
    [InlineData("d/t", "d/.wh..wh..opq")]
    public void A_hard_link_to_what_this_layer_or_one_between_deleted_is_refused(string target, string whiteout)
    {
        _world.Add(new TarBuilder().File("t").File("d/t"));
        _world.Refuse(new TarBuilder().File(whiteout).HardLink("l", target));
        _world.Add(new TarBuilder().File(whiteout));
        Assert.Contains("neither in this layer nor below", _world.Refuse(new TarBuilder().HardLink("l", target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hard_link_does_not_reach_through_a_lower_symlink()
    {
        _world.Add(new TarBuilder().Symlink("s", _world.Outside).Symlink("f", _world.Outside + "/canary"));
        Assert.Contains("neither", _world.Refuse(new TarBuilder().HardLink("l", "s/canary")).Message, StringComparison.Ordinal);
        Assert.Contains("not a regular file", _world.Refuse(new TarBuilder().HardLink("l", "f")).Message, StringComparison.Ordinal);
    }

    private static string Read(string root, string name) => File.ReadAllText(Path.Combine(root, name));

    private static (FileKind Kind, uint Mode, uint Uid) Shape(string root, string path)
    {
        var status = LayerWorld.Stat(root, path)!.Value;
        return (status.Kind, status.Mode, status.Uid);
    }
}
