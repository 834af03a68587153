using System.CommandLine;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class ImagesCommand
{
    public static Command Create()
    {
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Only ids" };
        var digests = new Option<bool>("--digests") { Description = "Also the digests that registries know" };
        var command = new DescribedCommand("images", "Lists images, a line a tag.", "shimctl images", "shimctl images -o json");
        command.Options.Add(quiet);
        command.Options.Add(digests);
        command.Does(async (parsed, session, cancellation) =>
        {
            var answer = await session.Images.ListImagesAsync(new ListImagesRequest(), session.Call(cancellation));
            if (session.Json) JsonOutput.Print(answer);
            else if (parsed.GetValue(quiet)) foreach (var image in answer.Images) Console.WriteLine(image.Id);
            else Print(answer, parsed.GetValue(digests));
            return 0;
        });
        return command;
    }

    private static void Print(ListImagesResponse answer, bool digests)
    {
        var table = digests ? new TextTable("IMAGE", "TAG", "ID", "SIZE", "DIGEST") : new TextTable("IMAGE", "TAG", "ID", "SIZE");
        foreach (var (name, tag, image) in answer.Images.SelectMany(Rows).OrderBy(r => r.Name, StringComparer.Ordinal).ThenBy(r => r.Tag, StringComparer.Ordinal))
        {
            var digest = image.RepoDigests.FirstOrDefault(d => d.StartsWith(name + "@", StringComparison.Ordinal))?[(name.Length + 1)..] ?? "<none>";
            string[] cells = [name, tag, Units.ShortId(image.Id), Units.Bytes(image.Size), digest];
            table.Add(digests ? cells : cells[..4]);
        }

        table.Print();
    }

    /// <summary>A row a tag; an image without tags shows the repository of its first digest.</summary>
    private static IEnumerable<(string Name, string Tag, Image Image)> Rows(Image image)
    {
        if (image.RepoTags.Count == 0) return [(image.RepoDigests.FirstOrDefault()?.Split('@')[0] ?? "<none>", "<none>", image)];
        return image.RepoTags.Select(t => (t[..t.LastIndexOf(':')], t[(t.LastIndexOf(':') + 1)..], image));
    }
}
