using System.Diagnostics;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Layers;

/// <summary>Archives that GNU tar wrote, extracted by GNU tar and by the applier: the two trees must not differ.</summary>
public sealed class GnuTarTests : IDisposable
{
    private readonly LayerWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("--format=gnu")]
    [InlineData("--format=posix")]
    [InlineData("--format=posix --xattrs --xattrs-include=*")]
    [InlineData("--format=gnu --sparse")]
    [InlineData("--format=posix --sparse --sparse-version=0.0")]
    [InlineData("--format=posix --sparse --sparse-version=0.1")]
    [InlineData("--format=posix --sparse --sparse-version=1.0")]
    public async Task The_same_tree_as_GNU_tar(string options)
    {
        var source = _world.Make("source");
        Populate(source);
        var archive = Path.Combine(_world.Root, "a.tar");
        await TarAsync(["--create", "--file", archive, .. options.Split(' '), "--numeric-owner", "--directory", source, "."]);
        var expected = _world.Make("expected");
        await TarAsync(["--extract", "--file", archive, "--numeric-owner", "--preserve-permissions", "--same-owner", "--xattrs", "--xattrs-include=*", "--directory", expected]);
        _world.Add(await File.ReadAllBytesAsync(archive));
        Assert.Equal(Describe(expected), Describe(_world.Top));
        if (options.Contains("sparse", StringComparison.Ordinal)) Assert.True(LayerWorld.Stat(_world.Top, "holes")!.Value.AllocatedBytes < 1 << 20);
    }

    private static void Populate(string root)
    {
        using var top = SafeDirFd.Open(root);
        var deep = string.Concat(Enumerable.Repeat(new string('d', 60) + "/", 4));
        Directory.CreateDirectory(Path.Combine(root, deep));
        File.WriteAllText(Path.Combine(root, deep, new string('f', 150)), "deep");
        File.WriteAllBytes(Path.Combine(root, "big"), Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31 >> 3)).ToArray());
        File.WriteAllText(Path.Combine(root, "owned"), "x");
        top.SetOwner(FileName.Create("owned"), 70000, 3_000_000);
        top.SetMode(FileName.Create("owned"), 0x9ED);
        top.SetXattr(FileName.Create("owned"), "user.comment"u8, [0, 1, (byte)'\n', (byte)'=', 255]);
        top.MakeLink(FileName.Create("second"), top, FileName.Create("owned"));
        top.MakeSymlink(FileName.Create("link"), "../../etc/passwd"u8);
        top.MakeSymlink(FileName.Create("long-link"), new byte[250].Select(_ => (byte)'l').ToArray());
        top.MakeNode(FileName.Create("fifo"), (uint)FileKind.Fifo | 0x1A4);
        top.MakeNode(FileName.Create("null"), (uint)FileKind.CharacterDevice | 0x1B6, 1, 3);
        Assert.True(FileName.TryCreate([0xc3, 0x28, 0xff], out var bytes));
        top.CreateFile(bytes).Dispose();
        using (var holes = top.CreateFile(FileName.Create("holes")))
        {
            for (var i = 0; i < 60; i++) FileMetadata.Write(holes, [1, 2, 3], 1_000_000L * i);
            FileMetadata.SetSize(holes, 70_000_001);
        }

        top.CreateFile(FileName.Create("old")).Dispose();
        foreach (var name in new[] { "old", "link", "fifo" }) top.SetTimes(FileName.Create(name), new FileTime(86400, 0), new FileTime(86400, 0));
        Directory.CreateDirectory(Path.Combine(root, "sticky"));
        top.SetMode(FileName.Create("sticky"), 0x7FF);
        top.SetTimes(FileName.Create("sticky"), new FileTime(5, 0), new FileTime(5, 0));
    }

    /// <summary>One line for each entry: everything that an image may carry, whole seconds (GNU format has no more).</summary>
    private static List<string> Describe(string root)
    {
        using var top = SafeDirFd.Open(root);
        var lines = new List<string>();
        Walk(top, "");
        return lines.Order(StringComparer.Ordinal).ToList();

        void Walk(SafeDirFd directory, string prefix)
        {
            lines.Add($"{prefix}. {Shape(directory.Stat())}");
            foreach (var entry in directory.List())
            {
                var status = directory.TryStat(entry.Name)!.Value;
                using var child = status.Kind == FileKind.Directory ? directory.OpenDirectory(entry.Name) : null;
                if (child is not null) Walk(child, $"{prefix}{entry.Name}/");
                var size = child is null ? status.SizeBytes : 0;
                var xattrs = directory.ListXattrs(entry.Name).Select(x => $"{PathBytes.Display(x)}={Convert.ToHexString(directory.TryGetXattr(entry.Name, x)!)}");
                lines.Add($"{prefix}{entry.Name} {Shape(status)} {size} {status.LinkCount} {Content(directory, entry.Name, status)} {string.Join(' ', xattrs.Order())}");
            }
        }
    }

    private static string Shape(FileStatus s) => $"{s.Kind} {s.Mode:x} {s.Uid} {s.Gid} {s.ModifyTime.Seconds} {s.DeviceMajor}:{s.DeviceMinor}";

    private static string Content(SafeDirFd directory, FileName name, FileStatus status)
    {
        if (status.Kind == FileKind.Symlink) return PathBytes.Display(directory.ReadLink(name));
        if (status.Kind != FileKind.Regular) return "";
        using var file = new FileStream(directory.TryOpenFile(name)!, FileAccess.Read);
        return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(file));
    }

    private static async Task TarAsync(string[] arguments)
    {
        using var tar = Process.Start(new ProcessStartInfo("tar", arguments) { RedirectStandardError = true })!;
        var error = await tar.StandardError.ReadToEndAsync();
        await tar.WaitForExitAsync();
        Assert.True(tar.ExitCode == 0, error);
    }
}
