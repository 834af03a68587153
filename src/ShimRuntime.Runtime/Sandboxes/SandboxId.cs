using System.Security.Cryptography;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>Ids (64 hex digits) and names of sandboxes.</summary>
internal static class SandboxId
{
    private const int Digits = 64;

    public static string New() => RandomNumberGenerator.GetHexString(Digits, true);

    public static bool IsValid(string id) => id.Length == Digits && id.All(char.IsAsciiHexDigitLower);

    /// <summary>name_namespace_uid_attempt: one attempt at running one pod.</summary>
    public static string Name(PodSandboxMetadata pod) => string.Join('_', pod.Name, pod.Namespace, pod.Uid, pod.Attempt);
}
