using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Swap;

namespace ShimRuntime.Runtime.Node;

/// <summary>
/// The runtime handlers of this node: one binary each, asked what it can do. What is not true of binary and kernel is not claimed, or pods
/// that need it would be admitted here.
/// </summary>
public sealed class RuntimeHandlers
{
    /// <summary>The handler of a pod that names none.</summary>
    public const string Default = "runc";

    private const string HybridMount = "/sys/fs/cgroup/unified/cgroup.procs";
    private readonly RuntimeOptions _options;
    private readonly OrderedDictionary<string, (RuntimeHandlerOptions Options, RuncProbe Probe)> _handlers = [];
    private readonly IdmapSupport _idmap;

    public RuntimeHandlers(RuntimeOptions options, ExitWatcher exits)
    {
        _options = options;
        _idmap = new IdmapSupport(options.Root);
        if (options.Handlers.All(h => h.Name != Default)) Add(new RuntimeHandlerOptions { Name = Default, Path = options.RuncPath });
        foreach (var handler in options.Handlers) Add(handler);
        void Add(RuntimeHandlerOptions handler) => _handlers[handler.Name] = (handler, new RuncProbe(handler.Path, exits));
    }

    public IReadOnlyList<string> Names => [.. _handlers.Keys];

    /// <summary>Never throws for what is wrong with the binary: that is <see cref="Answer.Failure"/>. An empty name is the default's.</summary>
    /// <param name="failure">What fails when there is no such handler, such as "failed to run pod sandbox".</param>
    /// <exception cref="RuntimeFault">InvalidArgument: no such handler.</exception>
    public async ValueTask<Answer> AskAsync(string name, string failure, CancellationToken cancellation)
    {
        var (options, probe) = Find(name, failure);
        var said = await probe.AskAsync(cancellation).ConfigureAwait(false);
        return new Answer(options, said, said.Failure ?? Unusable(said.Version!), Features(options, said.Features));
    }

    /// <summary>As <see cref="AskAsync"/>, and FailedPrecondition where the binary can't be used.</summary>
    public async ValueTask<Answer> RequireAsync(string name, string failure, CancellationToken cancellation)
    {
        var answer = await AskAsync(name, failure, cancellation).ConfigureAwait(false);
        if (answer.Failure is null) return answer;
        throw RuntimeFault.FailedPrecondition($"{failure}: runtime handler '{answer.Options.Name}' can't be used on this node: {answer.Failure}");
    }

    /// <summary>
    /// Checkpoints are runc's alone: what is told to CRIU, and that a restored container lands in its own cgroup, was tried with no other.
    /// </summary>
    /// <exception cref="RuntimeFault">FailedPrecondition.</exception>
    public async ValueTask RequireRuncAsync(string name, string failure, CancellationToken cancellation)
    {
        var answer = await RequireAsync(name, failure, cancellation).ConfigureAwait(false);
        if (answer.Probe.Version!.Program == Default) return;
        throw RuntimeFault.FailedPrecondition(
            $"{failure}: runtime handler '{answer.Options.Name}' is {answer.Probe.Version.Program}, and checkpoints are runc's");
    }

    /// <summary>The binary of a handler; the default's when a pod's handler has left the settings.</summary>
    public string PathOf(string name) => (_handlers.TryGetValue(name, out var found) ? found : _handlers[Default]).Options.Path;

    /// <summary>What hot swap may do with pods of a handler.</summary>
    public HotSwapPolicy HotSwapOf(string name) =>
        _options.HotSwapOfHandlers.GetValueOrDefault(name.Length == 0 ? Default : name, _options.HotSwap);

    private (RuntimeHandlerOptions Options, RuncProbe Probe) Find(string name, string failure) =>
        _handlers.TryGetValue(name.Length == 0 ? Default : name, out var found) ? found : throw RuntimeFault.InvalidArgument(
            $"{failure}: runtime_handler: there is no runtime handler '{ContainerPath.Show(name)}'; this node has {string.Join(", ", _handlers.Keys)}");

    private HandlerFeatures Features(RuntimeHandlerOptions options, OciFeatures said)
    {
        // The daemon id-maps by itself, so that the runtime need not know uidMappings of mounts (runc 1.1 passes them over in silence).
        var failure = said.UserNamespaces ? _idmap.Failure() : "its binary does not list user namespaces among its features";
        return new HandlerFeatures
        {
            UserNamespaces = failure is null,
            UserNamespacesFailure = failure,
            RecursiveReadOnlyMounts = said.MountOptions.Contains("rro") && DetachedMount.IsSupported,
            AllowedAnnotations = options.AllowedAnnotations,
        };
    }

    /// <summary>libcrun's get_cgroup_mode: cgroup2 mounted at unified is hybrid, which it refuses at every start.</summary>
    private static string? Unusable(RuncVersion version) => version.Program == "crun" && File.Exists(HybridMount)
        ? $"crun {version.Text} refuses hybrid cgroups, which this node has; boot it with cgroup v2 alone (systemd.unified_cgroup_hierarchy=1)"
        : null;

    /// <summary>What one handler is, here and now.</summary>
    /// <param name="Failure">Null: it can be used.</param>
    public sealed record Answer(RuntimeHandlerOptions Options, RuncProbe.Answer Probe, string? Failure, HandlerFeatures Features)
    {
        /// <exception cref="RuntimeFault">FailedPrecondition: not on this node, and why.</exception>
        public void RequireUserNamespaces()
        {
            if (Features.UserNamespaces) return;
            throw RuntimeFault.FailedPrecondition($"failed to run pod sandbox: runtime handler '{Options.Name}' can give no user namespace: "
                + $"{Features.UserNamespacesFailure}; set hostUsers: true");
        }
    }
}
