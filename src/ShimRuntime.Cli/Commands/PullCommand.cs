using System.CommandLine;
using Grpc.Core;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.Operator.V1;

namespace ShimRuntime.Cli.Commands;

internal static class PullCommand
{
    private static readonly TimeSpan PullDeadline = TimeSpan.FromHours(1);

    public static Command Create()
    {
        var image = new Argument<string>("image") { Description = "Reference, such as registry.k8s.io/pause:3.10" };
        var credentials = new Option<string?>("--creds") { Description = "Credentials for the image's registry", HelpName = "USER[:PASSWORD]" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Only print the image's id" };
        var command = new DescribedCommand("pull",
            "Pulls an image and shows its layers' progress. Joins a pull of the same image that is under way.",
            "shimctl pull docker.io/library/busybox:1.36", "shimctl pull --creds me:secret registry.example/app@sha256:…");
        command.Arguments.Add(image);
        command.Options.Add(credentials);
        command.Options.Add(quiet);
        command.Does(async (parsed, session, cancellation) =>
        {
            var id = await PullAsync(session, Request(parsed.GetRequiredValue(image), parsed.GetValue(credentials)), parsed.GetValue(quiet), cancellation);
            Console.WriteLine(session.Json ? $$"""{"imageId":"{{id}}"}""" : id);
            return 0;
        });
        return command;
    }

    /// <summary>Pulls with progress on stderr; returns the image id.</summary>
    public static async Task<string> PullAsync(Session session, PullImageRequest request, bool quiet, CancellationToken cancellation)
    {
        using var call = session.Operator.PullImage(request, session.Call(cancellation, PullDeadline));
        using var display = new PullDisplay(quiet);
        var id = "";
        await foreach (var progress in call.ResponseStream.ReadAllAsync(cancellation))
        {
            display.Show(progress);
            if (progress.ImageId.Length > 0) id = progress.ImageId;
        }

        return id.Length > 0 ? id : throw new IOException($"failed to pull image '{request.Reference}': the daemon ended the stream without an image id; try again");
    }

    public static PullImageRequest Request(string reference, string? credentials)
    {
        var request = new PullImageRequest { Reference = reference };
        if (credentials is null) return request;
        var colon = credentials.IndexOf(':', StringComparison.Ordinal);
        request.Username = colon < 0 ? credentials : credentials[..colon];
        request.Password = colon < 0 ? ReadPassword() : credentials[(colon + 1)..];
        return request;
    }

    private static string ReadPassword()
    {
        Console.Error.Write("Password: ");
        var password = new System.Text.StringBuilder();
        while (!Console.IsInputRedirected && Console.ReadKey(true) is { Key: not ConsoleKey.Enter } key) password.Append(key.KeyChar);
        Console.Error.WriteLine();
        return Console.IsInputRedirected ? Console.ReadLine() ?? "" : password.ToString();
    }
}
