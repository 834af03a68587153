using System.Text;
using Xunit;

namespace ShimRuntime.Linux.Tests.Mounts;

public sealed class MountTableTests
{
    private const string Text =
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw,errors=continue\n" +
        "36 22 98:0 /sub\\040dir /mnt/a\\040b ro,noatime shared:7 master:3 - ext3 /dev/x\\134y rw\n" +
        "37 36 0:45 / /mnt/a\\040b/deep rw - tmpfs tmpfs rw,size=64k\n" +
        "38 22 0:46 / /mnt/ab rw master:5 unbindable - overlay overlay rw,lowerdir=/l\\0541:/l2\n";

    [Fact]
    public void Octal_escapes_become_their_bytes_in_every_path_field()
    {
        var mount = Parse().Mounts[1];
        Assert.Equal(("/sub dir", "/mnt/a b", "/dev/x\\y"), (mount.Root, mount.Target, mount.Source));
        Assert.Equal("rw,lowerdir=/l,1:/l2", Parse().Mounts[3].SuperOptions);
    }

    [Fact]
    public void Optional_fields_are_found_in_any_number()
    {
        var table = Parse();
        Assert.Equal((7, 3), (table.Mounts[1].SharedGroup, table.Mounts[1].MasterGroup));
        Assert.Equal((0, 0), (table.Mounts[2].SharedGroup, table.Mounts[2].MasterGroup));
        Assert.Equal((0, 5, "overlay"), (table.Mounts[3].SharedGroup, table.Mounts[3].MasterGroup, table.Mounts[3].Type));
        Assert.True(table.Mounts[1].IsReadOnly);
        Assert.False(table.Mounts[0].IsReadOnly);
    }

    [Fact]
    public void Below_takes_whole_components_only()
    {
        Assert.Equal([36, 37], Parse().Below("/mnt/a b/").Select(m => m.Id));
        Assert.Equal([36, 37, 38], Parse().Below("/mnt").Select(m => m.Id));
        Assert.Empty(Parse().Below("/mnt/a"));
    }

    [Theory]
    [InlineData("/mnt/a b/deep/er", 37)]
    [InlineData("/mnt/a b/deeper", 36)]
    [InlineData("/mnt/abc", 22)]
    public void Holding_is_the_longest_prefix(string path, int id) => Assert.Equal(id, Parse().Holding(path)!.Id);

    [Fact]
    public void A_line_without_separator_is_refused() =>
        Assert.Throws<FormatException>(() => MountTable.Parse("22 1 254:0 / / rw,relatime shared:1 ext4 x rw\n"u8));

    [Fact]
    public void The_kernels_own_table_parses_and_holds_the_root() => Assert.NotNull(MountTable.Read().At("/"));

    [Theory]
    [InlineData("\\0", "\\0")]
    [InlineData("\\999", "\\999")]
    [InlineData("a\\012b\\011", "a\nb\t")]
    [InlineData("\\043\\\\", "#\\\\")]
    public void Unescape_leaves_what_is_no_escape(string text, string expected) => Assert.Equal(expected, MountTable.Unescape(text));

    private static MountTable Parse() => MountTable.Parse(Encoding.UTF8.GetBytes(Text));
}
