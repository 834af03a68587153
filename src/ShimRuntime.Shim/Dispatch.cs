using System.Globalization;

namespace ShimRuntime.Shim;

/// <summary>
/// The binary's subcommands. Each is a static class in a folder of its own with <c>int Run(ReadOnlySpan&lt;string&gt;)</c>.
/// </summary>
internal static class Dispatch
{
    private const int UsageError = 64; // EX_USAGE, sysexits.h

    public static string Version => ShimVersion.Text;

    public static int Run(ReadOnlySpan<string> arguments)
    {
        switch (arguments)
        {
            case ["serve"]:
                return Serving.Serve.Run(false);
            case ["serve", "ahead"]:
                return Serving.Serve.Run(true);
            case ["serve", "resumed", var state, var old] when Number(state) is { } stateFd && Number(old) is { } oldFd:
                return Upgrades.Resumption.Run(stateFd, oldFd, "");
            case ["serve", "returned", var state, var old, var cause] when Number(state) is { } stateFd && Number(old) is { } oldFd:
                return Upgrades.Resumption.Run(stateFd, oldFd, cause);
            case ["validate"]:
                return Upgrades.Validation.Run();
            case ["--version"]:
                Console.Out.WriteLine($"shimruntime-shim {Version}, shim protocol {ShimProtocol.ShimMethods.ProtocolVersion}");
                return 0;
            case ["session", _]:
                return Session.SessionProcess.Run();
            case ["pause"]:
                return Pause.PodInit.Run();
            default:
                Console.Error.WriteLine("usage: shimruntime-shim serve [ahead] (ShimLaunch at fd 3, readiness pipe at fd 4) | "
                    + "serve resumed STATE OLD, serve returned STATE OLD CAUSE (descriptors of another shim) | validate (state at fd 3) | "
                    + "session DIRECTORY (SessionLaunch at fd 3, client's socket at fd 4) | pause | --version");
                return UsageError;
        }
    }

    private static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
