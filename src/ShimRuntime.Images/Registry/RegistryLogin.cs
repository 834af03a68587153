using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// The request's credentials (CRI AuthConfig), read once. <see cref="For"/> decides which endpoint sees them; nothing else holds them.
/// </summary>
internal sealed record RegistryLogin
{
    private static readonly string[] DockerHubNames = ["docker.io", "index.docker.io", "registry-1.docker.io"];

    public static RegistryLogin Anonymous { get; } = new();

    public string? Username { get; private init; }

    public string? Password { get; private init; }

    /// <summary>OAuth2 refresh token, exchanged at the registry's token server.</summary>
    public string? IdentityToken { get; private init; }

    /// <summary>Bearer token that the registry itself takes.</summary>
    public string? RegistryToken { get; private init; }

    /// <summary>host[:port] that the credentials are for; null: the reference's own registry.</summary>
    private string? ServerAuthority { get; init; }

    public bool IsAnonymous => Username is null && IdentityToken is null && RegistryToken is null;

    public string? BasicValue => Username is null ? null : Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Username}:{Password}"));

    public static RegistryLogin From(RegistryCredentials? credentials)
    {
        if (credentials is null) return Anonymous;
        var (username, password) = string.IsNullOrEmpty(credentials.Username) && !string.IsNullOrEmpty(credentials.Auth)
            ? DecodeAuth(credentials.Auth)
            : (NullIfEmpty(credentials.Username), credentials.Password ?? "");
        return new RegistryLogin
        {
            Username = username,
            Password = password,
            IdentityToken = NullIfEmpty(credentials.IdentityToken),
            RegistryToken = Bearer(credentials.RegistryToken),
            ServerAuthority = Authority(credentials.ServerAddress),
        };
    }

    /// <summary>Visible ASCII and no space: what may stand in an Authorization header (RFC 6750, section 2.1).</summary>
    public static bool IsBearer(string token) => token.Length > 0 && !token.AsSpan().ContainsAnyExceptInRange('!', '~');

    /// <summary>
    /// This login, or none: an endpoint gets it when the server address names it, or, without one, when it is the reference's registry.
    /// </summary>
    public RegistryLogin For(RegistryEndpoint endpoint)
    {
        if (ServerAuthority is null) return endpoint.IsRegistry ? this : Anonymous;
        if (endpoint.Authority.Equals(ServerAuthority, StringComparison.OrdinalIgnoreCase)) return this;
        return IsDockerHub(ServerAuthority) && IsDockerHub(endpoint.Authority) ? this : Anonymous;
    }

    public override string ToString() => IsAnonymous ? "anonymous" : "login";

    private static bool IsDockerHub(string authority) => DockerHubNames.Contains(authority, StringComparer.OrdinalIgnoreCase);

    /// <summary>"https://index.docker.io/v1/", "registry:5000" and "registry" name an authority; what does not parse is refused.</summary>
    private static string? Authority(string? address)
    {
        if (string.IsNullOrEmpty(address)) return null;
        var written = address.Contains("://", StringComparison.Ordinal) ? address : "https://" + address;
        return Uri.TryCreate(written, UriKind.Absolute, out var uri) && uri.Host.Length > 0
            ? uri.Authority
            : throw RuntimeFault.InvalidArgument("failed to read registry credentials: server_address is no address; write host[:port]");
    }

    /// <summary>base64 of user:password; some tools pad the password with NULs.</summary>
    private static (string Username, string Password) DecodeAuth(string auth)
    {
        var bytes = new byte[auth.Length];
        if (!Convert.TryFromBase64String(auth, bytes, out var count)) throw Malformed();
        var text = Encoding.UTF8.GetString(bytes, 0, count);
        var colon = text.IndexOf(':');
        return colon > 0 ? (text[..colon], text[(colon + 1)..].TrimEnd('\0')) : throw Malformed();
    }

    private static RuntimeFault Malformed() =>
        RuntimeFault.InvalidArgument("failed to read registry credentials: auth is not base64 of user:password");

    private static string? Bearer(string? token) => string.IsNullOrEmpty(token) || IsBearer(token) ? NullIfEmpty(token) : throw RuntimeFault.InvalidArgument(
        "failed to read registry credentials: registry_token has characters that no token has; give the token alone, without spaces or line ends");

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
