using System.Text;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;

namespace ShimRuntime.Runtime.Node;

/// <summary>
/// What RuntimeDefault means on this node: our own profile, loaded at every start (so that an upgrade's replaces its predecessor's, for
/// running containers too); another one that the operator loads; or none.
/// </summary>
public sealed class ApparmorNode(string profile, IHostView host, ExitWatcher exits, ILogger<ApparmorNode> log)
{
    private static readonly ToolRun Tool = new(2048, TimeSpan.FromSeconds(30), true);
    private static readonly string[] Parsers = ["/sbin/apparmor_parser", "/usr/sbin/apparmor_parser"];
    private volatile string? _failure;

    /// <summary>Where apparmor_parser(8) is; null: not installed.</summary>
    public static string? Parser => Parsers.FirstOrDefault(File.Exists);

    /// <summary>The kernel has AppArmor, and RuntimeDefault is to be a profile.</summary>
    public bool IsWanted => host.Facts.Apparmor && profile.Length > 0;

    /// <summary>Null: RuntimeDefault is what it should be. Else what is missing and what to do.</summary>
    public string? Problem()
    {
        if (!IsWanted) return null;
        var isLoaded = host.ApparmorProfiles().Contains(profile);
        if (profile != ApparmorProfile.Name)
        {
            return isLoaded
                ? null : $"AppArmor profile '{profile}' (apparmor_profile) is not loaded, so containers of RuntimeDefault are refused; load it";
        }

        if (isLoaded && _failure is null) return null;
        var state = isLoaded ? "is one that was there before" : "is not loaded, so RuntimeDefault is unconfined";
        return $"AppArmor profile '{profile}' {state}: {_failure ?? "something has removed it"}; "
            + "install apparmor_parser (Debian: apparmor) and restart the daemon";
    }

    /// <summary>Loads our own profile; never throws for what AppArmor lacks: that is <see cref="Problem"/>, and one warning.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        if (IsWanted && profile == ApparmorProfile.Name) _failure = await TryLoadAsync(cancellation).ConfigureAwait(false);
        if (Problem() is { } problem) log.LogWarning("{Problem}", problem);
    }

    private async Task<string?> TryLoadAsync(CancellationToken cancellation)
    {
        if (Parser is not { } parser) return "apparmor_parser is not installed";
        try
        {
            using var text = MemoryFile.Sealed("apparmor-profile", Encoding.UTF8.GetBytes(ApparmorProfile.Text));
            var request = new SpawnRequest
            {
                Path = parser,
                Arguments = [parser, "--replace", "--skip-cache", "--quiet"],
                Fds = [new FdMapping((int)text.DangerousGetHandle(), 0)],
                NewSession = true,
            };
            var (exit, output) = await Tool.RunAsync(exits, request, cancellation).ConfigureAwait(false);
            if (exit.Code == 0) return null;
            return $"'{parser}' ended with {exit}: {Encoding.UTF8.GetString(output).ReplaceLineEndings(" ").Trim()}";
        }
        catch (Exception e) when (e is IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return $"'{parser}': {e.Message}";
        }
    }
}
