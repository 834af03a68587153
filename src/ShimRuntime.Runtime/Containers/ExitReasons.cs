namespace ShimRuntime.Runtime.Containers;

/// <summary>The reasons of a container that has ended. kubelet shows them; the first three are the ones it knows.</summary>
public static class ExitReasons
{
    public const string Completed = "Completed";
    public const string Error = "Error";
    public const string OomKilled = "OOMKilled";
    public const string StartError = "StartError";

    /// <summary>Its shim died and the container was killed for want of anyone to collect its exit.</summary>
    public const string ShimLost = "ShimLost";

    /// <summary>How it ended can't be known: the machine was rebooted, or nothing of it is left.</summary>
    public const string Unknown = "Unknown";

    public const int LostCode = 137;
    public const int UnknownCode = 255;
    public const int StartErrorCode = 128;
}
