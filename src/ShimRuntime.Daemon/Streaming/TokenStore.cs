using System.Buffers.Text;
using System.Security.Cryptography;
using Google.Protobuf;
using ShimRuntime.Daemon.Upgrades;
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
    private readonly Dictionary<string, Entry> _tokens = new(StringComparer.Ordinal);

    /// <param name="request">What the ticket was made from: a daemon after this one makes its own of it.</param>
    /// <returns>22 characters of base64url.</returns>
    /// <exception cref="RuntimeFault">ResourceExhausted: too many are out.</exception>
    public string Issue(StreamTicket ticket, IMessage request)
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

            _tokens.Add(token, new Entry(ticket, request, time.GetUtcNow() + Lifetime));
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

    /// <summary>Those that are still good.</summary>
    public IReadOnlyList<UnredeemedStream> Unredeemed()
    {
        lock (_lock)
        {
            DropExpired();
            return [.. _tokens.Select(t => new UnredeemedStream(t.Value.Ticket.Kind, t.Key, t.Value.Request.ToByteArray(), t.Value.Expires))];
        }
    }

    /// <summary>A token of the daemon before this one.</summary>
    public void Restore(UnredeemedStream stream, StreamTicket ticket, IMessage request)
    {
        lock (_lock) _tokens[stream.Token] = new Entry(ticket, request, stream.Expires);
    }

    private void DropExpired()
    {
        var now = time.GetUtcNow();
        foreach (var (token, entry) in _tokens.ToArray())
        {
            if (entry.Expires <= now) _tokens.Remove(token);
        }
    }

    private readonly record struct Entry(StreamTicket Ticket, IMessage Request, DateTimeOffset Expires);
}
