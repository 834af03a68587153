using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace ShimRuntime.Images;

/// <summary>
/// Requests to one endpoint on behalf of one pull. 1. Sent with what is known to authorise it. 2. A 401 of the endpoint itself is answered
/// once. 3. Redirects are followed with nothing but the request's own Accept and Range: no authorisation and no configured header leaves
/// the endpoint's origin (CVE-2020-15157), and a 401 from elsewhere is an error. 4. Anything but success is a RegistryException.
/// </summary>
internal sealed class RegistryConnection : IDisposable
{
    private const int MaxRedirects = 5;
    private const int MaxErrorBody = 64 * 1024;
    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromSeconds(20);
    private readonly HttpMessageInvoker _client;
    private readonly RegistryLogin _login;
    private readonly TimeSpan _stall;
    private volatile AuthenticationHeaderValue? _authorization;

    /// <param name="login">The request's; filtered here for this endpoint.</param>
    public RegistryConnection(RegistryEndpoint endpoint, RegistryLogin login, TimeSpan stall)
    {
        Endpoint = endpoint;
        _login = login.For(endpoint);
        _stall = stall;
        _client = RegistryHttp.Client(endpoint, true);
        if (_login.RegistryToken is { } token) _authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public RegistryEndpoint Endpoint { get; }

    /// <param name="request">Path and query below the endpoint's API path, and the headers that redirects keep.</param>
    /// <returns>A 2xx answer with its headers read; the caller disposes it.</returns>
    public async Task<HttpResponseMessage> SendAsync(RegistryRequest request, CancellationToken cancellation)
    {
        var target = new Uri(Endpoint.Origin, $"{Endpoint.ApiPath}/{request.PathAndQuery}");
        var response = await SendOnceAsync(request, target, cancellation).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Unauthorized
            && await AuthoriseAsync(request, response, cancellation).ConfigureAwait(false))
        {
            response.Dispose();
            response = await SendOnceAsync(request, target, cancellation).ConfigureAwait(false);
        }

        for (var hops = 0; IsRedirect(response.StatusCode); hops++)
        {
            target = Redirected(target, response, hops);
            response.Dispose();
            response = await SendOnceAsync(request, target, cancellation).ConfigureAwait(false);
        }

        if (response.IsSuccessStatusCode) return response;
        using (response) throw await FailureAsync(request, target, response, cancellation).ConfigureAwait(false);
    }

    public void Dispose() => _client.Dispose();

    private async Task<HttpResponseMessage> SendOnceAsync(RegistryRequest request, Uri target, CancellationToken cancellation)
    {
        using var message = request.Message(target);
        if (IsOwn(target))
        {
            message.Headers.Authorization = _authorization;
            foreach (var (name, value) in Endpoint.Headers) message.Headers.TryAddWithoutValidation(name, value);
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(_stall);
        try
        {
            return await _client.SendAsync(message, deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new RegistryException($"{target.Authority}: {Cause(e)}", null, e) { IsTransient = !IsDistrust(e) };
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new RegistryException($"{target.Authority}: no answer for {_stall.TotalSeconds:0.#} s", null, e) { IsTransient = true };
        }
    }

    /// <summary>Answers the endpoint's challenge. False: nothing (new) to answer it with.</summary>
    private async Task<bool> AuthoriseAsync(RegistryRequest request, HttpResponseMessage response, CancellationToken cancellation)
    {
        if (_login.RegistryToken is not null || !response.Headers.TryGetValues("WWW-Authenticate", out var lines)) return false;
        var challenges = lines.SelectMany(AuthChallenge.Parse).ToList();
        if (challenges.Find(c => c.IsBearer) is { } bearer)
        {
            var scope = $"repository:{request.Repository}:pull";
            var token = await new TokenServer(Endpoint, _login, _stall).FetchAsync(bearer, scope, cancellation).ConfigureAwait(false);
            _authorization = new AuthenticationHeaderValue("Bearer", token);
            return true;
        }

        if (_authorization is not null || !challenges.Exists(c => c.IsBasic) || _login.BasicValue is not { } basic) return false;
        _authorization = new AuthenticationHeaderValue("Basic", basic);
        return true;
    }

    private static Uri Redirected(Uri from, HttpResponseMessage response, int hops)
    {
        if (hops >= MaxRedirects) throw new RegistryException($"{from.Authority} redirects more than {MaxRedirects} times");
        var location = response.Headers.Location ?? throw new RegistryException($"{from.Authority} redirects without saying where");
        var target = new Uri(from, location);
        if (target.Scheme is not ("http" or "https"))
            throw new RegistryException($"{from.Authority} redirects to scheme '{target.Scheme}'");
        if (from.Scheme == "https" && target.Scheme != "https")
            throw new RegistryException($"{from.Authority} redirects from HTTPS to plain HTTP");
        return target;
    }

    private async Task<RegistryException> FailureAsync(
        RegistryRequest request, Uri target, HttpResponseMessage response, CancellationToken cancellation)
    {
        var status = response.StatusCode;
        var own = IsOwn(target);
        var transient = status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
            || (int)status is 500 or 502 or 503 or 504;
        var detail = await DetailAsync(response.Content, cancellation).ConfigureAwait(false);
        var place = own ? target.Authority : $"{target.Authority} (redirected from {Endpoint.Authority})";
        return new RegistryException($"{place} answered {(int)status} to {request.Method} {request.PathAndQuery}{detail}", status)
        {
            IsTransient = transient,
            RetryAfter = response.Headers.RetryAfter?.Delta is { } delta
                ? TimeSpan.FromTicks(Math.Min(delta.Ticks, MaxRetryAfter.Ticks)) : null,
        };
    }

    /// <summary>": CODE message" of the first error in the body, printable and short; empty when there is none.</summary>
    private async Task<string> DetailAsync(HttpContent content, CancellationToken cancellation)
    {
        try
        {
            var body = await BoundedBody.ReadAsync(content, MaxErrorBody, _stall, cancellation).ConfigureAwait(false);
            if (JsonSerializer.Deserialize(body, RegistryJson.Default.RegistryErrors)?.Errors is not [var first, ..]) return "";
            var text = $"{first.Code} {first.Message}".Trim();
            return ": " + new string([.. text.Take(200).Select(c => char.IsControl(c) ? ' ' : c)]);
        }
        catch (Exception e) when (e is JsonException or RegistryException or IOException or HttpRequestException or TimeoutException)
        {
            return "";
        }
    }

    private static string Cause(Exception e)
    {
        if (IsDistrust(e)) return $"{e.InnerException!.Message.TrimEnd('.')}; give its authority as ca in hosts.toml if it is to be trusted";
        return e.InnerException is { } inner && !e.Message.Contains(inner.Message, StringComparison.Ordinal) ? $"{e.Message} {inner.Message}" : e.Message;
    }

    /// <summary>A certificate that is not trusted now will not be in a second.</summary>
    private static bool IsDistrust(Exception e) => e.InnerException is System.Security.Authentication.AuthenticationException;

    private bool IsOwn(Uri target) =>
        target.Scheme == Endpoint.Origin.Scheme && target.Authority.Equals(Endpoint.Origin.Authority, StringComparison.OrdinalIgnoreCase);

    private static bool IsRedirect(HttpStatusCode status) => (int)status is 301 or 302 or 303 or 307 or 308;
}
