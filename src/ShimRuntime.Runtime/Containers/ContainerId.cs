using System.Security.Cryptography;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>Ids (64 hex digits) and names of containers.</summary>
public static class ContainerId
{
    private const int Digits = 64;

    public static string New() => RandomNumberGenerator.GetHexString(Digits, true);

    public static bool IsValid(string id) => id.Length == Digits && id.All(char.IsAsciiHexDigitLower);

    /// <summary>name_podname_namespace_uid_attempt: one attempt of one container of one pod.</summary>
    public static string Name(ContainerMetadata container, PodSandboxMetadata pod) =>
        string.Join('_', container.Name, pod.Name, pod.Namespace, pod.Uid, container.Attempt);
}
