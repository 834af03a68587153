using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShimRuntime.Images;

/// <summary>
/// Fetches the Bearer token that a challenge asks for (distribution's token authentication spec): GET with Basic or anonymous, and the
/// OAuth2 POST for an identity token. The realm gets only the login that the challenging endpoint may see, and never over a
/// weaker scheme than the endpoint's.
/// </summary>
internal sealed class TokenServer(RegistryEndpoint endpoint, RegistryLogin login, TimeSpan timeout)
{
    private const int MaxAnswer = 1 << 20;
    private const string ClientId = "shimruntime";

    public async Task<string> FetchAsync(AuthChallenge challenge, string defaultScope, CancellationToken cancellation)
    {
        var realm = Realm(challenge);
        using var client = RegistryHttp.Client(endpoint, realm.Authority.Equals(endpoint.Authority, StringComparison.OrdinalIgnoreCase));
        using var request = login.IdentityToken is null ? Get(realm, challenge, defaultScope) : Post(realm, challenge, defaultScope);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(timeout);
        try
        {
            using var response = await client.SendAsync(request, deadline.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK) throw Refused(realm, response.StatusCode);
            var body = await BoundedBody.ReadAsync(response.Content, MaxAnswer, timeout, deadline.Token).ConfigureAwait(false);
            return Token(body)
                ?? throw new RegistryException($"token server {realm.Authority} answered without a token", HttpStatusCode.Unauthorized);
        }
        catch (Exception e)
            when (e is HttpRequestException or IOException or TimeoutException
                || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new RegistryException($"token server {realm.Authority} did not answer: {e.Message}", null, e) { IsTransient = true };
        }
    }

    private Uri Realm(AuthChallenge challenge)
    {
        if (!Uri.TryCreate(challenge.Realm, UriKind.Absolute, out var realm)
            || realm.Scheme is not ("http" or "https") || realm.UserInfo.Length > 0)
            throw new RegistryException($"{endpoint.Authority} asks for a token without a usable realm", HttpStatusCode.Unauthorized);
        if (endpoint.Origin.Scheme == "https" && realm.Scheme != "https")
            throw new RegistryException($"{endpoint.Authority} asks to fetch a token over plain HTTP", HttpStatusCode.Unauthorized);
        return realm;
    }

    private HttpRequestMessage Get(Uri realm, AuthChallenge challenge, string defaultScope)
    {
        var query = $"scope={Uri.EscapeDataString(challenge.Scope ?? defaultScope)}&client_id={ClientId}";
        if (challenge.Service is { } service) query = $"service={Uri.EscapeDataString(service)}&{query}";
        var builder = new UriBuilder(realm) { Query = realm.Query.Length > 1 ? $"{realm.Query[1..]}&{query}" : query };
        var request = new HttpRequestMessage(HttpMethod.Get, builder.Uri);
        if (login.BasicValue is { } basic) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", basic);
        return request;
    }

    private HttpRequestMessage Post(Uri realm, AuthChallenge challenge, string defaultScope) => new(HttpMethod.Post, realm)
    {
        Content = new FormUrlEncodedContent(
        [
            new("grant_type", "refresh_token"),
            new("refresh_token", login.IdentityToken),
            new("service", challenge.Service ?? ""),
            new("scope", challenge.Scope ?? defaultScope),
            new("client_id", ClientId),
        ]),
    };

    private static RegistryException Refused(Uri realm, HttpStatusCode status)
    {
        var denied = status is HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
        var message = $"token server {realm.Authority} answered {(int)status}";
        return new RegistryException(message, denied ? HttpStatusCode.Unauthorized : status) { IsTransient = (int)status >= 500 };
    }

    private static string? Token(byte[] body)
    {
        try
        {
            var answer = JsonSerializer.Deserialize(body, RegistryJson.Default.TokenAnswer);
            var token = string.IsNullOrEmpty(answer?.Token) ? answer?.AccessToken : answer.Token;
            return token is not null && RegistryLogin.IsBearer(token) ? token : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

internal sealed record TokenAnswer
{
    [JsonPropertyName("token")]
    public string? Token { get; init; }

    [JsonPropertyName("access_token")]
    public string? AccessToken { get; init; }
}

/// <summary>The error document of the distribution API.</summary>
internal sealed record RegistryErrors
{
    [JsonPropertyName("errors")]
    public IReadOnlyList<RegistryError>? Errors { get; init; }
}

internal sealed record RegistryError
{
    [JsonPropertyName("code")]
    public string? Code { get; init; }

    [JsonPropertyName("message")]
    public string? Message { get; init; }
}

[JsonSerializable(typeof(TokenAnswer))]
[JsonSerializable(typeof(RegistryErrors))]
internal sealed partial class RegistryJson : JsonSerializerContext;
