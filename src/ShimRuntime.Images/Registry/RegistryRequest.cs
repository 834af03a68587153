using System.Net.Http.Headers;

namespace ShimRuntime.Images;

/// <summary>A GET or HEAD below an endpoint's API path, sent again at every hop and every attempt.</summary>
/// <param name="Repository">As the endpoint knows it: the scope of the token.</param>
/// <param name="PathAndQuery">library/busybox/manifests/latest?ns=docker.io.</param>
internal sealed record RegistryRequest(HttpMethod Method, string Repository, string PathAndQuery)
{
    public IReadOnlyList<string> Accept { get; init; } = [];

    /// <summary>First byte wanted; 0: the whole.</summary>
    public long Offset { get; init; }

    public HttpRequestMessage Message(Uri target)
    {
        var message = new HttpRequestMessage(Method, target);
        foreach (var type in Accept) message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
        if (Offset > 0) message.Headers.Range = new RangeHeaderValue(Offset, null);
        message.Headers.UserAgent.Add(new ProductInfoHeaderValue("shimruntime", "1"));
        return message;
    }
}
