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

    /// <summary>Raised when a message changes its meaning; the running shim's is in HelloResponse.</summary>
    public const uint ProtocolVersion = 1;
}
