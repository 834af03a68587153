using System.CommandLine;
using Google.Protobuf;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class ImageCommand
{
    private const int ChunkBytes = 1024 * 1024;
    private static readonly TimeSpan ImportDeadline = TimeSpan.FromHours(1);

    public static Command Create()
    {
        var command = new Command("image", "Imports and removes images.");
        command.Subcommands.Add(Import());
        command.Subcommands.Add(Remove());
        return command;
    }

    private static Command Import()
    {
        var file = new Argument<string>("file") { Description = "Archive: OCI layout or docker save, tar, plain or gzip or zstd; - for standard input" };
        var name = new Option<string?>("--name", "-n") { Description = "Reference to give the image", HelpName = "REFERENCE" };
        var command = new DescribedCommand("import", "Imports an image archive.", "shimctl image import app.tar", "docker save app | shimctl image import - --name registry.example/app:1");
        command.Arguments.Add(file);
        command.Options.Add(name);
        command.Does(async (parsed, session, cancellation) =>
        {
            var path = parsed.GetRequiredValue(file);
            await using var archive = path == "-" ? Console.OpenStandardInput() : File.OpenRead(path);
            var answer = await SendAsync(session, archive, parsed.GetValue(name), cancellation);
            if (session.Json) JsonOutput.Print(answer);
            else foreach (var image in answer.Images) Console.WriteLine($"{image.Id}  {string.Join(' ', image.References)}");
            return 0;
        });
        return command;
    }

    private static async Task<ImportImageResponse> SendAsync(Session session, Stream archive, string? reference, CancellationToken cancellation)
    {
        using var call = session.Operator.ImportImage(session.Call(cancellation, ImportDeadline));
        var buffer = new byte[ChunkBytes];
        var message = new ImportImageRequest { Reference = reference ?? "" };
        try
        {
            for (int count; (count = await archive.ReadAtLeastAsync(buffer, ChunkBytes, false, cancellation)) > 0; message = new ImportImageRequest())
            {
                message.Chunk = ByteString.CopyFrom(buffer, 0, count);
                await call.RequestStream.WriteAsync(message, cancellation);
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is Grpc.Core.RpcException or InvalidOperationException)
        {
            // The daemon refused the archive half-way: its answer says why.
        }

        return await call.ResponseAsync;
    }

    private static Command Remove()
    {
        var images = new Argument<string[]>("image") { Description = "Ids or references", Arity = ArgumentArity.OneOrMore };
        var command = new DescribedCommand("rm", "Removes images with all their tags.", "shimctl image rm docker.io/library/busybox:1.36");
        command.Arguments.Add(images);
        command.Does(async (parsed, session, cancellation) =>
        {
            var failed = false;
            foreach (var given in parsed.GetRequiredValue(images))
            {
                var spec = new ImageSpec { Image = given };
                var status = await session.Images.ImageStatusAsync(new ImageStatusRequest { Image = spec }, session.Call(cancellation));
                if (status.Image is null)
                {
                    await Console.Error.WriteLineAsync($"shimctl: no image has the id or reference '{given}'; `shimctl images` lists them");
                    failed = true;
                    continue;
                }

                await session.Images.RemoveImageAsync(new RemoveImageRequest { Image = spec }, session.Call(cancellation));
                Console.WriteLine(status.Image.Id);
            }

            return failed ? 1 : 0;
        });
        return command;
    }
}
