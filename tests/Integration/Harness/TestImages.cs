using System.Text.Json.Nodes;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>The images that most tests share: the machine's own static busybox with its applets.</summary>
public static class TestImages
{
    /// <summary>Users and groups of the base image.</summary>
    public const string Passwd = """
        root:x:0:0:root:/root:/bin/sh
        daemon:x:1:1:daemon:/usr/sbin:/bin/false
        www-data:x:33:33:www-data:/var/www:/bin/false
        alice:x:1000:1000:Alice:/home/alice:/bin/sh
        nobody:x:65534:65534:nobody:/:/bin/false

        """;

    public const string Group = """
        root:x:0:
        daemon:x:1:
        www-data:x:33:
        alice:x:1000:
        extra:x:50000:alice
        more:x:50001:alice,www-data
        nobody:x:65534:

        """;

    private static readonly Lazy<Task<LayerBuilder>> Base = new(BuildBaseAsync);
    private static readonly Lazy<Task<PushedImage>> Busybox = new(async () =>
        await (await OnBusyboxAsync()).With("Cmd", new JsonArray("sh")).UnderIndex().PushAsync(await Registry.SharedAsync(), "library/busybox"));

    /// <summary>busybox:1, under an index, Cmd sh.</summary>
    public static Task<PushedImage> BusyboxAsync() => Busybox.Value;

    /// <summary>A new image that begins with the busybox layer.</summary>
    public static async Task<ImageBuilder> OnBusyboxAsync() => new ImageBuilder().Layer(await Base.Value);

    private static async Task<LayerBuilder> BuildBaseAsync()
    {
        var program = Installation.Tool("busybox");
        var applets = (await Command.RunAsync(program, ["--list"])).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var layer = new LayerBuilder().Directory("bin").File("bin/busybox", await File.ReadAllBytesAsync(program), "755");
        foreach (var applet in applets.Where(a => a != "busybox")) layer.HardLink($"bin/{applet}", "bin/busybox");
        foreach (var directory in new[] { "dev", "proc", "sys", "etc", "usr", "usr/bin", "var", "home", "mnt" }) layer.Directory(directory);
        layer.Directory("tmp", "1777").Directory("root", "700").Directory("home/alice", "755", 1000, 1000).Directory("www");
        return layer.File("etc/passwd", Passwd).File("etc/group", Group).File("www/index.html", "it works\n");
    }
}
