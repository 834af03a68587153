using System.Security.Cryptography;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>sha256:&lt;hex&gt;.</summary>
public static class Digests
{
    public static string Of(ReadOnlySpan<byte> content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));
}
