namespace ShimRuntime.Runtime.Networking;

/// <summary>The NetworkReady condition of CRI's Status.</summary>
/// <param name="Reason">CamelCase word, empty when ready.</param>
/// <param name="Message">A sentence for the operator: what is wrong and with which file; what was skipped, even when ready.</param>
public sealed record NetworkReadiness(bool Ready, string Reason, string Message);
