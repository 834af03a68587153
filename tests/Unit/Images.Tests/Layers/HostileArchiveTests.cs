using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Layers;

/// <summary>Archives that want out of their directory, or more than their share. Each ends refused, or harmless inside.</summary>
public sealed class HostileArchiveTests : IDisposable
{
    private readonly LayerWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("../outside/canary")]
    [InlineData("a/../../outside/canary")]
    [InlineData("./../outside/x")]
    [InlineData("..")]
    [InlineData("a/..")]
    [InlineData("/../outside/x")]
    public void Dot_dot_is_refused_in_every_kind_of_member(string name)
    {
        foreach (var tar in new[]
        {
            new TarBuilder().File(name, "x"), new TarBuilder().Directory(name), new TarBuilder().Symlink(name, "x"), new TarBuilder().Fifo(name),
            new TarBuilder().Device('4', name, 1, 1), new TarBuilder().File("t").HardLink(name, "t"), new TarBuilder().File("t").HardLink("l", name),
            new TarBuilder().Pax(("path", name)).File("f"), new TarBuilder().Extension('L', TarBuilder.Bytes(name + "\0")).File("f"),
        })
        {
            Assert.Equal(FaultCode.InvalidArgument, _world.Refuse(tar).Code);
        }
    }

    [Fact]
    public void An_absolute_name_stands_inside_the_layer()
    {
        _world.Add(new TarBuilder().File(_world.Outside + "/canary", "evil").File("///etc//./x", "in"));
        Assert.Equal("alive", File.ReadAllText(Path.Combine(_world.Outside, "canary")));
        Assert.Equal("evil", File.ReadAllText(_world.Top + _world.Outside + "/canary"));
        Assert.Equal("in", File.ReadAllText(Path.Combine(_world.Top, "etc/x")));
    }

    [Theory]
    [InlineData("OUTSIDE")]
    [InlineData("../outside")]
    [InlineData("../../../../../../../../OUTSIDE")]
    public void A_symlink_among_the_parents_is_followed_inside_the_layer_only(string target)
    {
        target = target.Replace("OUTSIDE", _world.Outside, StringComparison.Ordinal);
        _world.Add(new TarBuilder().Symlink("link", target).File("link/canary", "evil").Directory("link/d/").Symlink("link/s", "t").Fifo("link/p"));
        Assert.Equal("alive", File.ReadAllText(Path.Combine(_world.Outside, "canary")));
        Assert.Equal(["canary"], Directory.GetFileSystemEntries(_world.Outside).Select(Path.GetFileName));
        var inside = target.StartsWith('/') || target.Contains("/../", StringComparison.Ordinal) ? _world.Top + _world.Outside : Path.Combine(_world.Top, "outside");
        Assert.Equal("evil", File.ReadAllText(Path.Combine(inside, "canary")));
    }

    [Fact]
    public void A_symlink_is_replaced_not_written_through()
    {
        _world.Add(new TarBuilder().Symlink("f", _world.Outside + "/canary").File("f", "new").Symlink("d", _world.Outside).Directory("d/", 0x1FF).File("d/x"));
        Assert.Equal("alive", File.ReadAllText(Path.Combine(_world.Outside, "canary")));
        Assert.Equal(FileKind.Regular, LayerWorld.Stat(_world.Top, "f")!.Value.Kind);
        Assert.Equal(FileKind.Directory, LayerWorld.Stat(_world.Top, "d")!.Value.Kind);
        Assert.NotNull(LayerWorld.Stat(_world.Top, "d/x"));
    }

    [Fact]
    public void A_hard_link_reaches_nothing_outside_the_layer()
    {
        Assert.Contains("neither in this layer nor below", _world.Refuse(new TarBuilder().HardLink("l", _world.Outside + "/canary")).Message, StringComparison.Ordinal);
        Assert.Contains("neither in this layer nor below",
            _world.Refuse(new TarBuilder().Symlink("s", _world.Outside).HardLink("l", "s/canary").File("l", "x").HardLink("m", "s/canary")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hard_link_to_a_symlink_names_the_link_itself()
    {
        _world.Add(new TarBuilder().Symlink("s", _world.Outside + "/canary").HardLink("l", "s").File("l", "replaced"));
        Assert.Equal("alive", File.ReadAllText(Path.Combine(_world.Outside, "canary")));
        Assert.Equal("replaced", File.ReadAllText(Path.Combine(_world.Top, "l")));
        Assert.Equal(FileKind.Symlink, LayerWorld.Stat(_world.Top, "s")!.Value.Kind);
    }

    [Fact]
    public void A_member_that_replaces_one_name_of_an_inode_leaves_the_other()
    {
        _world.Add(new TarBuilder().File("a", "first").HardLink("b", "a").File("a", "second"));
        Assert.Equal("first", File.ReadAllText(Path.Combine(_world.Top, "b")));
        Assert.Equal("second", File.ReadAllText(Path.Combine(_world.Top, "a")));
    }

    [Fact]
    public void A_remembered_parent_is_forgotten_when_it_is_replaced()
    {
        _world.Add(new TarBuilder().Directory("d/").File("d/a", "1").Symlink("d", _world.Outside).File("d/canary", "evil"));
        Assert.Equal("alive", File.ReadAllText(Path.Combine(_world.Outside, "canary")));
        Assert.Equal("evil", File.ReadAllText(_world.Top + _world.Outside + "/canary"));
    }

    [Fact]
    public void A_loop_of_symlinks_ends()
    {
        Assert.Contains("too many symbolic links", _world.Refuse(new TarBuilder().Symlink("a", "b").Symlink("b", "a").File("a/x")).Message, StringComparison.Ordinal);
        Assert.Contains("too many symbolic links", _world.Refuse(new TarBuilder().Symlink("a", "a/a").File("a/x")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("trusted.overlay.redirect", "/etc")]
    [InlineData("trusted.overlay.opaque", "y")]
    [InlineData("trusted.overlay.metacopy", "")]
    [InlineData("user.overlay.opaque", "y")]
    [InlineData("security.selinux", "system_u:object_r:shadow_t:s0")]
    [InlineData("security.ima", "x")]
    [InlineData("system.nfs4_acl", "x")]
    public void Attributes_that_steer_the_kernel_are_dropped_and_named(string name, string value)
    {
        _world.Add(new TarBuilder().Pax(("SCHILY.xattr." + name, value)).Directory("d/").Pax(("SCHILY.xattr." + name, value)).File("d/f"));
        Assert.Null(LayerWorld.Xattr(_world.Top, "d", name));
        Assert.Null(LayerWorld.Xattr(_world.Top, "d/f", name));
        Assert.Equal([name], _world.Dropped);
    }

    [Fact]
    public void Names_of_257_bytes_and_with_NUL_are_refused()
    {
        Assert.Contains("is not a file name", _world.Refuse(new TarBuilder().Pax(("path", new string('n', 256))).File("f")).Message, StringComparison.Ordinal);
        Assert.Contains("is not a file name", _world.Refuse(new TarBuilder().Pax(("path", "etc/pass\0wd")).File("f")).Message, StringComparison.Ordinal);
        Assert.Contains("NUL", _world.Refuse(new TarBuilder().Pax(("linkpath", "a\0b")).Symlink("f", "x")).Message, StringComparison.Ordinal);
        Assert.Contains("a member has no name", _world.Refuse(new TarBuilder().File("")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_root_can_only_be_a_directory()
    {
        Assert.Contains("root is not a directory", _world.Refuse(new TarBuilder().Symlink("./", _world.Outside)).Message, StringComparison.Ordinal);
        Assert.Contains("root is not a directory", _world.Refuse(new TarBuilder().File("/", "x")).Message, StringComparison.Ordinal);
        Assert.Contains("target is the root", _world.Refuse(new TarBuilder().HardLink("l", "./")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hard_link_in_the_place_of_its_targets_directory_or_of_itself()
    {
        Assert.Contains("replaces the directory", _world.Refuse(new TarBuilder().File("a/b/f").HardLink("a", "a/b/f")).Message, StringComparison.Ordinal);
        _world.Add(new TarBuilder().File("f", "x").HardLink("f", "f").HardLink("g", "f").HardLink("f", "g"));
        Assert.Equal("x", File.ReadAllText(Path.Combine(_world.Top, "f")));
    }

    [Fact]
    public void A_file_used_as_a_directory_is_refused() =>
        Assert.Contains("used as a directory", _world.Refuse(new TarBuilder().File("f").File("f/x")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_message_shows_hostile_names_on_one_printable_line()
    {
        var message = _world.Refuse(new TarBuilder().File("a\n\u001b[31m/../" + new string('x', 50))).Message;
        Assert.DoesNotContain('\n', message);
        Assert.DoesNotContain('\u001b', message);
        Assert.Contains("a\\012\\033[31m", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_limit_is_named_in_its_error()
    {
        using var world = new LayerWorld(new LayerLimits
        {
            MaxEntries = 3, MaxDirectories = 5, MaxDepth = 4, MaxPaxBytes = 512, MaxFileBytes = 1 << 20, MaxTotalBytes = 1 << 16, MaxLowerLinks = 1, MaxNameBytes = 200,
        });
        Assert.Contains("more than 3 entries", world.Refuse(new TarBuilder().File("a").File("b").File("c").File("d")).Message, StringComparison.Ordinal);
        Assert.Contains("more than 5 directories", world.Refuse(new TarBuilder().File("a/b/c/x").File("d/e/x")).Message, StringComparison.Ordinal);
        Assert.Contains("more than 4", world.Refuse(new TarBuilder().File("a/b/c/d/e")).Message, StringComparison.Ordinal);
        Assert.Contains("more than 512", world.Refuse(new TarBuilder().Pax(("comment", new string('x', 600))).File("f")).Message, StringComparison.Ordinal);
        Assert.Contains("more than 201", world.Refuse(new TarBuilder().Extension('L', new byte[300]).File("f")).Message, StringComparison.Ordinal);
        Assert.Contains("larger than 65536 bytes", world.Refuse(new TarBuilder().File(TarBuilder.Bytes("f"), new byte[1 << 17])).Message, StringComparison.Ordinal);
        Assert.Contains("larger than 1048576 bytes", world.Refuse(Sparse(1L << 40)).Message, StringComparison.Ordinal);
        Assert.Contains("more than 1 hard links", world.Refuse(new TarBuilder().HardLink("a", "x").HardLink("b", "x")).Message, StringComparison.Ordinal);
        var globals = Enumerable.Range(0, 9).Aggregate(new TarBuilder(), (t, _) => t.Pax('g', ([1], [2])));
        Assert.Contains("more than 3 entries", world.Refuse(globals).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_symlink_chain_cannot_nest_deeper_than_the_limit()
    {
        using var world = new LayerWorld(new LayerLimits { MaxDepth = 8 });
        Assert.Contains("nested deeper than 8", world.Refuse(new TarBuilder().Symlink("s", "a/b/c/d/e/f").File("s/g/h/i/x")).Message, StringComparison.Ordinal);
    }

    private static TarBuilder Sparse(long realSize) => new TarBuilder()
        .Pax(("GNU.sparse.size", $"{realSize}"), ("GNU.sparse.numblocks", "0"), ("GNU.sparse.map", $"{realSize},0")).File("f");
}
