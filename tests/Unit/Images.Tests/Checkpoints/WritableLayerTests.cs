using System.Diagnostics;
using ShimRuntime.Images.Tests.Layers;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Checkpoints;

/// <summary>A writable layer, filled through a real overlay mount, goes out as a tar and comes back in another one with the same view.</summary>
public sealed class WritableLayerTests : IDisposable
{
    private readonly LayerWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task What_was_changed_of_the_image_comes_back()
    {
        _world.Add(new TarBuilder().Directory("etc").File("etc/kept", "image").File("etc/gone", "image").Directory("old").File("old/a", "a")
            .Directory("old/sub").File("old/sub/b", "b").File("plain", "image"));
        var from = NewLayer("from");
        const string Change = """
            rm etc/gone && echo mine > etc/mine && chmod 4711 etc/mine && chown 12:3000000 etc/mine
            rm -r old && mkdir -p old/sub && echo c > old/sub/c
            ln -s ../plain etc/link && ln etc/mine etc/second && mkfifo pipe && mknod dev c 1 3
            mkdir -p deep/$(printf 'n%.0s' $(seq 90))/$(printf 'm%.0s' $(seq 90)) && (cd deep/*/* && echo x > file)
            truncate -s 300000 sparse && rm plain && mkdir plain && echo y > plain/file && touch -d @1600000000.123456789 etc/mine
            """;
        InMount(from, Change);
        var tar = new MemoryStream();
        var deleted = await WritableLayer.ExportAsync(from, tar, long.MaxValue, CancellationToken.None);
        Assert.Contains("/etc/gone", deleted);
        Assert.Contains("/old/a", deleted);
        tar.Position = 0;
        var to = NewLayer("to");
        await WritableLayer.ImportAsync(to, tar, deleted, long.MaxValue, CancellationToken.None);
        const string Look = """
            find . -mindepth 1 | LC_ALL=C sort | while read f; do stat -c '%n %F %a %u:%g %s %t:%T' "$f"; done; find . ! -type d -printf '%p %n\n' | LC_ALL=C sort
            find . -type f -exec sha256sum {} + | LC_ALL=C sort; readlink etc/link; stat -c '%.9Y' etc/mine
            """;
        Assert.Equal(InMount(from, Look), InMount(to, Look));
    }

    [Fact]
    public async Task Tar_programs_read_what_is_written()
    {
        _world.Add(new TarBuilder().File("base", "b"));
        var layer = NewLayer("from");
        InMount(layer, "echo hello > a && ln a b && mkdir d && ln -s /x d/l && touch $(printf 'l%.0s' $(seq 150))");
        var path = Path.Combine(_world.Root, "out.tar");
        await using (var file = File.Create(path)) await WritableLayer.ExportAsync(layer, file, long.MaxValue, CancellationToken.None);
        var listed = Shell(_world.Root, "tar -tvf out.tar && tar -xOf out.tar a b 2>/dev/null | head -1");
        Assert.Contains("hello", listed, StringComparison.Ordinal);
        Assert.Contains(new string('l', 150), listed, StringComparison.Ordinal);
        Assert.Contains("d/l -> /x", listed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sparse_file_larger_than_the_room_is_refused()
    {
        _world.Add(new TarBuilder().File("base", "b"));
        var layer = NewLayer("from");
        InMount(layer, "truncate -s 1T huge");
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => WritableLayer.ExportAsync(layer, Stream.Null, 1 << 20, CancellationToken.None));
        Assert.Equal(FaultCode.ResourceExhausted, fault.Code);
    }

    [Theory]
    [InlineData("/../../outside/canary")]
    [InlineData("/")]
    [InlineData("")]
    public async Task A_deleted_path_that_leads_out_is_refused(string path)
    {
        _world.Add(new TarBuilder().File("base", "b"));
        var fault = await Assert.ThrowsAsync<RuntimeFault>(
            () => WritableLayer.ImportAsync(NewLayer("to"), Stream.Null, [path], 1 << 20, CancellationToken.None));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
        Assert.Equal("alive", File.ReadAllText(Path.Combine(_world.Outside, "canary")));
    }

    [Fact]
    public async Task Members_that_lead_out_are_refused_and_the_image_stays()
    {
        _world.Add(new TarBuilder().File("base", "b"));
        var tar = new MemoryStream(new TarBuilder().Symlink("up", _world.Outside).File("../canary", "dead").Build());
        await Assert.ThrowsAsync<RuntimeFault>(() => WritableLayer.ImportAsync(NewLayer("to"), tar, [], 1 << 20, CancellationToken.None));
        Assert.Equal("alive", File.ReadAllText(Path.Combine(_world.Outside, "canary")));
    }

    private Snapshot NewLayer(string name)
    {
        var upper = Directory.CreateDirectory(Path.Combine(_world.Root, name, "fs")).FullName;
        var work = Directory.CreateDirectory(Path.Combine(_world.Root, name, "work")).FullName;
        return new Snapshot(name, [.. _world.LowerDirs], upper, work);
    }

    private string InMount(Snapshot layer, string script)
    {
        var target = Directory.CreateDirectory(Path.Combine(_world.Root, $"mnt-{layer.Key}")).FullName;
        OverlayMount.Mount(layer.LowerDirs, layer.UpperDir, layer.WorkDir, target);
        try
        {
            return Shell(target, script);
        }
        finally
        {
            MountPoint.UnmountBelow(target);
        }
    }

    private static string Shell(string directory, string script)
    {
        var start = new ProcessStartInfo("bash", ["-ec", script]) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{process.ExitCode}: {error}");
        return output;
    }
}
