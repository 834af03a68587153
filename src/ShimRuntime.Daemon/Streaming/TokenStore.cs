using System.Buffers.Text;
using System.Security.Cryptography;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Streaming;

namespace ShimRuntime.Daemon.Streaming;

/// <summary>One-use names for streams: 128 random bits, good for a minute, bounded in number.</summary>
internal sealed class TokenStore(TimeProvider time)
{
    public const int Most = 1024;
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);
    private const int TokenBytes = 16;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (StreamTicket Ticket, DateTimeOffset Expires)> _tokens = new(StringComparer.Ordinal);

    /// <returns>22 characters of base64url.</returns>
    /// <exception cref="RuntimeFault">ResourceExhausted: too many are out.</exception>
    public string Issue(StreamTicket ticket)
    {
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));
        lock (_lock)
        {
            if (_tokens.Count >= Most) DropExpired();
            if (_tokens.Count >= Most)
            {
                throw new RuntimeFault(FaultCode.ResourceExhausted,
                    $"failed to {ticket.Kind}: {Most} stream URLs wait to be used; use one, or wait a minute until they expire");
            }

            _tokens.Add(token, (ticket, time.GetUtcNow() + Lifetime));
        }

        return token;
    }

    /// <summary>Takes it: nobody gets it a second time. Null: unknown, used, expired, or of another kind.</summary>
    public StreamTicket? Redeem(string kind, string token)
    {
        lock (_lock)
        {
            if (!_tokens.TryGetValue(token, out var entry) || entry.Ticket.Kind != kind) return null;
            _tokens.Remove(token);
            return entry.Expires > time.GetUtcNow() ? entry.Ticket : null;
        }
    }

    private void DropExpired()
    {
        var now = time.GetUtcNow();
        foreach (var (token, entry) in _tokens.ToArray())
        {
            if (entry.Expires <= now) _tokens.Remove(token);
        }
    }
}
