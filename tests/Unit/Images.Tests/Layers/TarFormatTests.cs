using Xunit;

namespace ShimRuntime.Images.Tests.Layers;

/// <summary>Headers and extensions: what is read, and what is refused because readers in the field disagree about it.</summary>
public sealed class TarFormatTests : IDisposable
{
    private readonly LayerWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Numbers_in_base_256_of_either_sign()
    {
        var tar = new TarBuilder();
        var header = tar.Header((byte)'0', TarBuilder.Bytes("f"), [], 0x1A4, 0);
        TarBuilder.Base256(header, 108, 8, 3_000_000_000);
        TarBuilder.Base256(header, 136, 12, -2);
        TarBuilder.Base256(header, 124, 12, 3);
        _world.Add(tar.Raw(TarBuilder.Sealed(header)).Content([1, 2, 3]));
        var status = LayerWorld.Stat(_world.Top, "f")!.Value;
        Assert.Equal((3_000_000_000u, -2L, 3L), (status.Uid, status.ModifyTime.Seconds, status.SizeBytes));
    }

    [Fact]
    public void Long_names_by_prefix_by_GNU_and_by_pax()
    {
        var longName = string.Join('/', Enumerable.Repeat(new string('n', 120), 5));
        var prefixed = new TarBuilder();
        var header = prefixed.Header((byte)'0', TarBuilder.Bytes(new string('b', 90)), [], 0x1A4, 0);
        TarBuilder.Bytes(new string('p', 100)).CopyTo(header, 345);
        prefixed.Raw(TarBuilder.Sealed(header)).Extension('L', TarBuilder.Bytes(longName + "/gnu\0")).File("cut").Extension('K', TarBuilder.Bytes(longName + "/gnu\0"))
            .HardLink("link", "cut").Pax(("path", longName + "/pax"), ("linkpath", new string('t', 300))).Symlink("cut", "cut");
        _world.Add(prefixed);
        Assert.True(File.Exists(Path.Combine(_world.Top, new string('p', 100), new string('b', 90))));
        Assert.Equal(2u, LayerWorld.Stat(_world.Top, longName + "/gnu")!.Value.LinkCount);
        Assert.Equal(300, LayerWorld.Stat(_world.Top, longName + "/pax")!.Value.SizeBytes);
    }

    [Fact]
    public void A_v7_directory_ends_in_a_slash_and_a_global_header_is_passed_over()
    {
        var tar = new TarBuilder().Pax('g', (TarBuilder.Bytes("mtime"), TarBuilder.Bytes("42")), (TarBuilder.Bytes("uid"), TarBuilder.Bytes("7")));
        _world.Add(tar.Member(0, TarBuilder.Bytes("d/"), [], 0x1C0, []).Pax(("mtime", "43")).File("f"));
        Assert.Equal(0u, LayerWorld.Stat(_world.Top, "f")!.Value.Uid);
        Assert.Equal((0x1C0u, 1_600_000_000L), (LayerWorld.Stat(_world.Top, "d")!.Value.Mode, LayerWorld.Stat(_world.Top, "d")!.Value.ModifyTime.Seconds));
        Assert.Equal(43, LayerWorld.Stat(_world.Top, "f")!.Value.ModifyTime.Seconds);
    }

    [Fact]
    public void A_size_on_a_member_without_content_is_passed_over_as_other_runtimes_do()
    {
        var tar = new TarBuilder();
        var header = tar.Header((byte)'5', TarBuilder.Bytes("d/"), [], 0x1ED, 4096);
        _world.Add(tar.Raw(TarBuilder.Sealed(header)).File("f", "x"));
        Assert.Equal("x", File.ReadAllText(Path.Combine(_world.Top, "f")));
    }

    [Fact]
    public void Ambiguity_is_refused()
    {
        Refused("two pax headers", new TarBuilder().Pax(("path", "a")).Pax(("path", "b")).File("c"));
        Refused("two long names", new TarBuilder().Extension('L', [97, 0]).Extension('L', [98, 0]).File("c"));
        Refused("both by GNU and by pax", new TarBuilder().Pax(("path", "a")).Extension('L', [98, 0]).File("c"));
        Refused("global pax header sets 'path'", new TarBuilder().Pax('g', (TarBuilder.Bytes("path"), TarBuilder.Bytes("x"))).File("c"));
        Refused("global pax header sets 'size'", new TarBuilder().Pax('g', (TarBuilder.Bytes("size"), TarBuilder.Bytes("9"))).File("c"));
        Refused("global pax header sets 'SCHILY.xattr.user.x'", new TarBuilder().Pax('g', (TarBuilder.Bytes("SCHILY.xattr.user.x"), [1])).File("c"));
        Refused("ends after an extension header", new TarBuilder().Pax(("path", "a")));
        Refused("type flag 0x4d", new TarBuilder().Member((byte)'M', TarBuilder.Bytes("m"), [], 0, []));
    }

    [Theory]
    [InlineData("5 a=")]
    [InlineData("6 a=b")]
    [InlineData("99 a=b\n")]
    [InlineData("x a=b\n")]
    [InlineData("5 ab\n")]
    [InlineData("5 =b\n")]
    [InlineData("-6 a=b\n")]
    [InlineData("99999999999999999999 a=b\n")]
    [InlineData("0 a=b\n")]
    public void Malformed_pax_records_are_refused(string content) => Refused("pax", new TarBuilder().Extension('x', TarBuilder.Bytes(content)).File("f"));

    [Theory]
    [InlineData("uid", "4294967295")]
    [InlineData("uid", "-1")]
    [InlineData("gid", "x")]
    [InlineData("size", "-1")]
    [InlineData("size", "9223372036854775807")]
    [InlineData("size", "9223372036854775808")]
    [InlineData("mtime", "12h")]
    [InlineData("mtime", "1.2.3")]
    [InlineData("mtime", "")]
    public void Values_out_of_range_are_refused_or_unset(string key, string value)
    {
        var tar = new TarBuilder().Pax((key, value)).File("f");
        if (value.Length == 0) _world.Add(tar);
        else Assert.Equal(Linux.FaultCode.InvalidArgument, _world.Refuse(tar).Code);
    }

    [Fact]
    public void A_wrong_checksum_and_a_cut_archive_are_refused()
    {
        var archive = new TarBuilder().File("f", new string('x', 2000)).Build(endMark: false);
        var damaged = (byte[])archive.Clone();
        damaged[0] ^= 1;
        Assert.Contains("checksum", _world.Refuse(damaged).Message, StringComparison.Ordinal);
        for (var length = 1; length < archive.Length; length += 257) _world.Refuse(archive[..length]);
        _world.Add(archive);
    }

    [Theory]
    [InlineData("0,4,2,4", 8)] // overlap
    [InlineData("4,4,0,4", 8)] // descending
    [InlineData("96,8", 8)] // beyond the file
    [InlineData("0,4", 8)] // less than the data
    [InlineData("0,4,8", 8)] // odd
    [InlineData("0,9223372036854775807", 8)]
    [InlineData("9223372036854775807,9223372036854775807", 8)]
    [InlineData("0,x", 8)]
    [InlineData("", 8)]
    public void Wrong_sparse_maps_are_refused(string map, int dataBytes) =>
        Refused("sparse", new TarBuilder().Pax(("GNU.sparse.size", "100"), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", map))
            .File(TarBuilder.Bytes("f"), new byte[dataBytes]));

    [Theory]
    [InlineData("1\n0\n600\n")] // more than is stored
    [InlineData("9999999\n")] // more regions than the limit
    [InlineData("99999999999999999999\n")]
    [InlineData("1\n0\n")] // cut
    [InlineData("nonsense without end of line")]
    public void Wrong_stored_sparse_maps_are_refused(string map)
    {
        var content = new byte[512 + 8];
        TarBuilder.Bytes(map).CopyTo(content, 0);
        _world.Refuse(new TarBuilder().Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "5000")).File(TarBuilder.Bytes("f"), content));
    }

    [Fact]
    public void Nothing_hides_behind_a_single_zero_block()
    {
        Refused("single zero block", new TarBuilder().File("f").Raw(new byte[512]).File("hidden"));
        _world.Add(new TarBuilder().File("f").Raw(new byte[512]).Build(endMark: false)); // the second is often missing
        _world.Add(new TarBuilder().File("f").Raw(new byte[1024]).File("behind the end").Build());
        Assert.Null(LayerWorld.Stat(_world.Top, "behind the end"));
    }

    [Fact]
    public void A_sparse_file_of_negative_size_is_refused()
    {
        var tar = new TarBuilder();
        var header = tar.Header((byte)'S', TarBuilder.Bytes("f"), [], 0x1A4, 0);
        "ustar  \0"u8.CopyTo(header.AsSpan(257));
        TarBuilder.Base256(header, 483, 12, -1);
        Refused("negative", tar.Raw(TarBuilder.Sealed(header)));
    }

    private void Refused(string cause, TarBuilder tar)
    {
        var fault = _world.Refuse(tar);
        Assert.Equal(Linux.FaultCode.InvalidArgument, fault.Code);
        Assert.Contains(cause, fault.Message, StringComparison.Ordinal);
    }
}
