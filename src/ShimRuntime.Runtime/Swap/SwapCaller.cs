namespace ShimRuntime.Runtime.Swap;

/// <summary>Who has asked for a swap, in the words of the audit line.</summary>
public readonly record struct SwapCaller
{
    private readonly string _words;

    private SwapCaller(string words) => _words = words;

    /// <summary>A client, by the credentials that the kernel noted when it connected (SO_PEERCRED).</summary>
    public static SwapCaller Peer(uint uid, int pid) => new($"uid {uid}, pid {pid}");

    /// <summary>Whoever may write to the container's trigger file.</summary>
    public static SwapCaller Trigger(string file) => new($"trigger file '{Bundles.ContainerPath.Show(file)}'");

    public override string ToString() => _words;
}
