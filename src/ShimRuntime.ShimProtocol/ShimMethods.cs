namespace ShimRuntime.ShimProtocol;

/// <summary>Names on the wire, as proto/shim/v1/shim.proto has them.</summary>
public static class ShimMethods
{
    public const string Service = "shimruntime.shim.v1.Shim";
    public const string Hello = "Hello";
    public const string Start = "Start";
    public const string Restore = "Restore";
    public const string Wait = "Wait";
    public const string Stop = "Stop";
    public const string ExecSync = "ExecSync";
    public const string Attach = "Attach";
    public const string CloseStdin = "CloseStdin";
    public const string Update = "Update";
    public const string ReopenLog = "ReopenLog";
    public const string Pause = "Pause";
    public const string Checkpoint = "Checkpoint";
    public const string Swap = "Swap";
    public const string HoldSockets = "HoldSockets";
    public const string EndSwap = "EndSwap";
    public const string Upgrade = "Upgrade";
    public const string Shutdown = "Shutdown";

    /// <summary>
    /// Raised with the first release that has a method or a field that the other side must know of, or that changes a message's meaning; the
    /// running shim's is in HelloResponse. The daemon speaks it and the one before, tests/Frozen keeps what that one is.
    /// </summary>
#if PREVIOUS_PROTOCOL
    public const uint ProtocolVersion = PreviousVersion;
#else
    public const uint ProtocolVersion = 2;
#endif

    /// <summary>That of shims which an earlier release has started and which still run.</summary>
    public const uint PreviousVersion = 1;

    /// <summary>The oldest version whose shims understand today's ShimLaunch and SessionLaunch: what these carry as their protocol_version.</summary>
    public const uint LaunchVersion = 1;

    public static bool IsSpoken(uint version) => version == PreviousVersion || version == ProtocolVersion;

    /// <summary>What both sides have: a daemon of the earlier release takes no other answer than its own version.</summary>
    /// <param name="asked">By HelloRequest; 0: not said.</param>
    public static uint Common(uint asked) => asked is 0 or > ProtocolVersion ? ProtocolVersion : asked;

    /// <summary>The first version that has the method; what is not listed is newer than the previous one.</summary>
    public static uint Since(string method) => method switch
    {
        Hello or Start or Restore or Wait or Stop or ExecSync or Attach or CloseStdin or Update or ReopenLog or Pause or Checkpoint or Shutdown => 1,
        _ => 2,
    };
}
