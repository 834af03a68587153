using System.Text;
using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// argv: the request's command replaces the image's entrypoint and drops its cmd; the request's args replace the cmd.
/// </summary>
internal static class ProcessArgs
{
    private const int MaxStringBytes = 131_071; // MAX_ARG_STRLEN less the terminator, execve(2)

    public static IReadOnlyList<string> Build(ContainerConfig config, ImageConfig image)
    {
        Check(config.Command, "command");
        Check(config.Args, "args");
        var argv = Merge(config, image).ToList();
        if (argv.Count == 0)
        {
            throw Refusal.Invalid("command", "is empty, and so are args and the image's entrypoint and cmd; say what to run");
        }

        if (argv[0].Length == 0) throw Refusal.Invalid("command", "names an empty executable; say what to run");
        return argv;
    }

    /// <summary>Every string must fit one execve(2) argument.</summary>
    public static void Check(IEnumerable<string> strings, string field)
    {
        var index = 0;
        foreach (var text in strings)
        {
            if (text.Contains('\0')) throw Refusal.Invalid($"{field}[{index}]", "contains a NUL byte");
            if (Encoding.UTF8.GetByteCount(text) > MaxStringBytes)
            {
                throw Refusal.Invalid($"{field}[{index}]", $"is longer than {MaxStringBytes} bytes");
            }

            index++;
        }
    }

    private static IEnumerable<string> Merge(ContainerConfig config, ImageConfig image)
    {
        if (config.Command.Count > 0) return config.Command.Concat(config.Args);
        var entrypoint = image.Entrypoint ?? [];
        // Dockerfile's ENTRYPOINT [""] clears an inherited entrypoint.
        if (entrypoint is [""]) entrypoint = [];
        return entrypoint.Concat(config.Args.Count > 0 ? config.Args : image.Cmd ?? []);
    }
}
