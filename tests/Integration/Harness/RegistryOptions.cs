namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>What a registry wants of its clients. Without anything: nothing, over plain HTTP.</summary>
public sealed record RegistryOptions
{
    /// <summary>Basic authentication (htpasswd).</summary>
    public (string User, string Password)? Basic { get; init; }

    /// <summary>Bearer tokens of this server.</summary>
    public TokenServer? Tokens { get; init; }

    /// <summary>HTTPS with the server certificate.</summary>
    public TestCertificates? Tls { get; init; }

    /// <summary>Only clients with a certificate of the authority.</summary>
    public bool ClientCertificates { get; init; }
}
