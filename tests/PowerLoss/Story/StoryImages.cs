using System.Text.Json.Nodes;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.PowerLoss.Tests.Story;

/// <summary>Small images: few files, so that a trace of their pull has few calls, and two layers, one of them shared.</summary>
/// <param name="First">Its command ends with 5 once /go exists.</param>
/// <param name="Second">Of the same repository; ends with 7.</param>
/// <param name="Archive">An OCI layout for an import, of the same base layer.</param>
/// <param name="ArchiveReference">The name that the archive's image gets.</param>
public sealed record StoryImages(PushedImage First, PushedImage Second, byte[] Archive, string ArchiveReference)
{
    public static async Task<StoryImages> PushAsync()
    {
        var registry = await Registry.SharedAsync();
        var program = await File.ReadAllBytesAsync(Installation.Tool("busybox"));
        var layer = new LayerBuilder().Directory("bin").File("bin/busybox", program, "755");
        foreach (var applet in new[] { "sh", "sleep", "touch", "cat" }) layer.HardLink($"bin/{applet}", "bin/busybox");
        layer.Directory("dev").Directory("proc").Directory("sys").Directory("tmp", "1777").Directory("etc").File("etc/passwd", TestImages.Passwd).Symlink("sbin", "bin");
        const string reference = "powerloss.local/archive:1";
        return new StoryImages(
            await Version(layer, 5).PushAsync(registry, "powerloss/app", "1"), await Version(layer, 7).PushAsync(registry, "powerloss/app", "2"),
            ArchiveBuilder.OciLayout(layer, reference).Tar(), reference);
    }

    private static ImageBuilder Version(LayerBuilder layer, int code) => new ImageBuilder()
        .Layer(layer).Layer(new LayerBuilder().File("etc/version", $"{code}\n").Whiteout("etc", "passwd"))
        .With("Cmd", new JsonArray("/bin/sh", "-c", $"while [ ! -e /go ]; do sleep 0.02; done; exit {code}"));
}
