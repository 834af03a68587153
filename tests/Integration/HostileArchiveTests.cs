using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Archives made to hurt, given to `shimctl image import`: refused with a sentence, the host untouched, nothing left.</summary>
public sealed class HostileArchiveTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Canary = "/srt-import-canary";
    private const string Reference = "import.test/hostile:1";

    // A failed import's blobs and layers are kept for an hour, as a failed pull's are.
    protected override bool LeavesLeases => true;

    public static TheoryData<string, Func<byte[]>> Archives => new()
    {
        { "dotdot", () => Sound().File("../../../../../../../.." + Canary, "x").Tar() },
        { "absolute", () => Sound().File(Canary, "x").Tar() },
        { "symlink to the root and a file through it", () => Sound().Symlink("up", "/").File("up" + Canary, "x").Tar() },
        { "symlink upwards", () => Sound().Symlink("up", "../../../../etc").Tar() },
        { "hard link out", () => Sound().HardLink("stolen", "../../../../../../../../etc/shadow").Tar() },
        { "device", () => Sound().Device("sda", 8, 0).Tar() },
        { "pipe", () => Sound().Fifo("pipe").Tar() },
        { "one name twice", () => Sound().File("index.json", "{}").Tar() },
        { "device bomb", () => Bomb((archive, i) => archive.Device($"d{i}", 1, 3)) },
        { "file bomb", () => Bomb((archive, i) => archive.File($"f{i}", "")) },
        { "eight exbibytes", () => ArchiveBuilder.Claiming("index.json", long.MaxValue) },
        { "a tebibyte that does not come", () => ArchiveBuilder.Claiming("index.json", 1L << 40) },
        { "cut off", () => Sound().Tar()[..3000] },
        { "no archive", () => [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7))] },
        { "nothing", () => [] },
    };

    public static TheoryData<string, Func<LayerBuilder>> Layers => new()
    {
        { "dotdot", () => new LayerBuilder().File("../../../../../../../.." + Canary, "x") },
        { "file through a symlink", () => new LayerBuilder().Symlink("up", "/").File("up" + Canary, "x") },
        { "hard link out", () => new LayerBuilder().HardLink("stolen", "../../../../../../../../etc/shadow") },
        { "hard link through a symlink", () => new LayerBuilder().Symlink("host", "/etc").HardLink("stolen", "host/shadow") },
        { "hundreds of levels", () => new LayerBuilder().File(string.Concat(Enumerable.Repeat("d/", 300)) + "x", "x") },
    };

    [Theory]
    [MemberData(nameof(Archives))]
    public async Task AHostileArchiveIsRefusedWithASentence(string name, Func<byte[]> build)
    {
        var before = await HostAsync();
        var result = await ImportAsync(build());
        Assert.True(result.ExitCode == 1, $"{name}: exit {result.ExitCode}: {result.Output}{result.Error}");
        AssertSentence(result.Error);
        Assert.Equal(before, await HostAsync());
        Assert.Empty(await NamesAsync());
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(World.Root, "content/ingest")));
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public async Task AHostileLayerInASoundArchiveIsRefusedOrContained(string name, Func<LayerBuilder> build)
    {
        var before = await HostAsync();
        var result = await ImportAsync(ArchiveBuilder.OciLayout(build(), Reference).Tar());
        if (result.ExitCode != 0)
        {
            AssertSentence(result.Error);
            Assert.Empty(await NamesAsync());
        }

        Assert.True(before == await HostAsync(), $"{name}: the host has changed");
    }

    [Fact]
    public async Task TheSoundOneThatAllOfThemAreMadeOfIsTaken()
    {
        var result = await ImportAsync(Sound().Tar());
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal([Reference], await NamesAsync());
    }

    private static LayerBuilder Sound() => ArchiveBuilder.OciLayout(new LayerBuilder().File("mark", "sound"), Reference);

    private static byte[] Bomb(Action<LayerBuilder, int> add)
    {
        var archive = Sound();
        for (var i = 0; i < 25_000; i++) add(archive, i);
        return archive.Tar();
    }

    private static void AssertSentence(string error)
    {
        Assert.StartsWith("shimctl: ", error, StringComparison.Ordinal);
        Assert.True(error.Length > 30, error);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("nternal error", error, StringComparison.Ordinal);
    }

    private async Task<CommandResult> ImportAsync(byte[] archive)
    {
        var path = Path.Combine(World.Shared, "import.tar");
        await File.WriteAllBytesAsync(path, archive);
        return await Command.RunAsync(Installation.Binary("shimctl"), ["--endpoint", $"unix://{World.Socket}", "image", "import", path]);
    }

    /// <summary>References of imported images.</summary>
    private async Task<string[]> NamesAsync() =>
        [.. (await Images.ListImagesAsync(new ListImagesRequest())).Images.SelectMany(i => i.RepoTags).Where(t => t.StartsWith("import.test/", StringComparison.Ordinal))];

    /// <summary>What an escape would change.</summary>
    private async Task<string> HostAsync() => $"{File.Exists(Canary)} "
        + await Command.ShellAsync($"stat -c '%n %a %h %s %Y' / /etc /etc/passwd /etc/shadow {World.Base} {World.Root}");
}
