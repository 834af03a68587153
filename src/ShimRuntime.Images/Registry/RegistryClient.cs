using System.Collections.Immutable;
using System.Net;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>A manifest as it came: exact bytes, and the type that the registry gave them (null: none).</summary>
internal sealed record FetchedManifest(byte[] Content, string? MediaType);

/// <summary>
/// One repository as one pull sees it: endpoints in order, each asked until it answers; the next one is asked after a failure that another
/// endpoint may not have. What comes back is not yet verified, except where said.
/// </summary>
internal sealed class RegistryClient : IDisposable
{
    public const int MaxManifestBytes = 4 << 20;
    private readonly ImageReference _reference;
    private readonly ImmutableArray<RegistryConnection> _connections;
    private readonly RetryPolicy _retry;

    public RegistryClient(ImageReference reference, ImmutableArray<RegistryEndpoint> endpoints, RegistryLogin login, RetryPolicy retry)
    {
        _reference = reference;
        _retry = retry;
        _connections = [.. endpoints.Select(endpoint => new RegistryConnection(endpoint, login, retry.Stall))];
    }

    /// <summary>
    /// The digest that the tag stands for now, by HEAD (which registries do not count as a pull); null: the registry does not say.
    /// </summary>
    public Task<Digest?> ResolveAsync(CancellationToken cancellation) => TryEachAsync(HostCapabilities.Resolve, async connection =>
    {
        try
        {
            using var response = await connection.SendAsync(
                ManifestRequest(connection, HttpMethod.Head, _reference.ManifestKey), cancellation).ConfigureAwait(false);
            return HeaderDigest(response);
        }
        catch (RegistryException e) when (e.Status is HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented)
        {
            return null;
        }
    }, cancellation);

    /// <summary>A manifest or index by digest or tag. Its digest, and the registry's own word on it, are checked.</summary>
    /// <param name="digest">Null: by the reference's tag.</param>
    public Task<FetchedManifest> ManifestAsync(Digest? digest, CancellationToken cancellation) =>
        TryEachAsync(digest is null ? HostCapabilities.Resolve : HostCapabilities.Pull, async connection =>
        {
            var key = digest?.ToString() ?? _reference.ManifestKey;
            using var response = await connection.SendAsync(
                ManifestRequest(connection, HttpMethod.Get, key), cancellation).ConfigureAwait(false);
            var content = await ReadAsync(connection, response, MaxManifestBytes, cancellation).ConfigureAwait(false);
            var actual = Digest.FromHash(System.Security.Cryptography.SHA256.HashData(content));
            if ((digest ?? HeaderDigest(response)) is { } expected && expected != actual)
                throw new RegistryException($"{connection.Endpoint.Authority} sent manifest {actual} where {expected} was asked for");
            return new FetchedManifest(content, response.Content.Headers.ContentType?.MediaType);
        }, cancellation);

    /// <summary>A small blob whole, its size and digest verified.</summary>
    public Task<byte[]> SmallBlobAsync(Descriptor blob, CancellationToken cancellation) =>
        TryEachAsync(HostCapabilities.Pull, async connection =>
    {
        using var response = await connection.SendAsync(BlobRequest(connection, blob, 0), cancellation).ConfigureAwait(false);
        var content = await ReadAsync(connection, response, (int)blob.Size, cancellation).ConfigureAwait(false);
        var actual = Digest.FromHash(System.Security.Cryptography.SHA256.HashData(content));
        return content.Length == blob.Size && actual == blob.Digest
            ? content
            : throw new RegistryException(
                $"{connection.Endpoint.Authority} sent {content.Length} bytes with digest {actual} for {blob.Digest} of {blob.Size} bytes");
    }, cancellation);

    /// <summary>A blob of any size as a stream that survives dropped connections. The digest is the reader's to verify.</summary>
    public Stream Blob(Descriptor blob, Action<long> fetched) =>
        new BlobStream(blob, (offset, cancellation) => OpenAsync(blob, offset, cancellation), _retry, fetched);

    public void Dispose()
    {
        foreach (var connection in _connections) connection.Dispose();
    }

    private Task<Stream> OpenAsync(Descriptor blob, long offset, CancellationToken cancellation) =>
        TryEachAsync(HostCapabilities.Pull, async connection =>
    {
        var response = await connection.SendAsync(BlobRequest(connection, blob, offset), cancellation).ConfigureAwait(false);
        try
        {
            return await BlobBody.OpenAsync(response, blob, offset, _retry.Stall, cancellation).ConfigureAwait(false);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }, cancellation);

    private async Task<byte[]> ReadAsync(
        RegistryConnection connection, HttpResponseMessage response, int limit, CancellationToken cancellation)
    {
        try
        {
            return await BoundedBody.ReadAsync(response.Content, limit, _retry.Stall, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or TimeoutException)
        {
            throw new RegistryException($"{connection.Endpoint.Authority}: {e.Message}", null, e) { IsTransient = true };
        }
    }

    private async Task<T> TryEachAsync<T>(
        HostCapabilities capability, Func<RegistryConnection, Task<T>> ask, CancellationToken cancellation)
    {
        RegistryException? last = null;
        var said = new List<string>();
        foreach (var connection in _connections.Where(c => c.Endpoint.Capabilities.HasFlag(capability)))
        {
            try
            {
                return await AskAsync(connection, ask, cancellation).ConfigureAwait(false);
            }
            catch (RegistryException e)
            {
                last = e;
                said.Add(e.Message);
            }
        }

        if (last is null) throw Fault(FaultCode.FailedPrecondition, $"no configured host may {capability.ToString().ToLowerInvariant()}");
        throw Fault(last.Code, string.Join("; before that ", said.AsEnumerable().Reverse()), last);
    }

    /// <summary>Patience is for the registry itself: a mirror that does not answer is passed over at once.</summary>
    private async Task<T> AskAsync<T>(RegistryConnection connection, Func<RegistryConnection, Task<T>> ask, CancellationToken cancellation)
    {
        var attempts = connection.Endpoint.IsRegistry ? _retry.Attempts : 1;
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await ask(connection).ConfigureAwait(false);
            }
            catch (RegistryException e) when (e.IsTransient && failures < attempts)
            {
                await _retry.WaitAsync(failures, e.RetryAfter, cancellation).ConfigureAwait(false);
            }
        }
    }

    private RegistryRequest ManifestRequest(RegistryConnection connection, HttpMethod method, string key) =>
        Request(connection, method, $"manifests/{key}") with { Accept = MediaTypes.AcceptedManifests };

    private RegistryRequest BlobRequest(RegistryConnection connection, Descriptor blob, long offset) =>
        Request(connection, HttpMethod.Get, $"blobs/{blob.Digest}") with { Offset = offset };

    /// <summary>A mirror is told whose name space it stands for (containerd's "ns").</summary>
    private RegistryRequest Request(RegistryConnection connection, HttpMethod method, string path)
    {
        var query = connection.Endpoint.IsRegistry ? "" : $"?ns={Uri.EscapeDataString(_reference.Host)}";
        return new RegistryRequest(method, _reference.Path, $"{_reference.Path}/{path}{query}");
    }

    private static Digest? HeaderDigest(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Docker-Content-Digest", out var values) && Digest.TryParse(values.First(), out var digest)
            ? digest : null;

    private RuntimeFault Fault(FaultCode code, string cause, Exception? inner = null) =>
        new(code, $"failed to pull image '{_reference}': {cause}{Advice(code)}", inner);

    private static string Advice(FaultCode code) => code switch
    {
        FaultCode.NotFound => "; check the name and the tag",
        FaultCode.Unauthenticated or FaultCode.PermissionDenied => "; check the credentials (imagePullSecrets) for this host",
        FaultCode.Unavailable => "; check that the node reaches the registry",
        FaultCode.ResourceExhausted => "; the registry limits the rate: wait, or pull with credentials or through a mirror",
        _ => "",
    };
}
