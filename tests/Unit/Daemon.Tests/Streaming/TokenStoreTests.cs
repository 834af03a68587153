using ShimRuntime.Daemon.Streaming;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Streaming;
using Xunit;

namespace ShimRuntime.Daemon.Tests.Streaming;

public sealed class TokenStoreTests
{
    private static readonly StreamTicket Ticket = new("exec", "owner", () => throw new InvalidOperationException("not asked for here"));
    private readonly ManualTime _time = new();
    private readonly TokenStore _tokens;

    public TokenStoreTests() => _tokens = new TokenStore(_time);

    [Fact]
    public void A_token_works_once_for_its_kind_and_for_a_minute()
    {
        var token = _tokens.Issue(Ticket);
        Assert.Equal(22, token.Length);
        Assert.Null(_tokens.Redeem("attach", token));
        Assert.Same(Ticket, _tokens.Redeem("exec", token));
        Assert.Null(_tokens.Redeem("exec", token));

        var late = _tokens.Issue(Ticket);
        _time.Now += TokenStore.Lifetime;
        Assert.Null(_tokens.Redeem("exec", late));
    }

    [Fact]
    public void Their_number_is_bounded_until_they_expire()
    {
        for (var i = 0; i < TokenStore.Most; i++) _tokens.Issue(Ticket);
        Assert.Equal(FaultCode.ResourceExhausted, Assert.Throws<RuntimeFault>(() => _tokens.Issue(Ticket)).Code);
        _time.Now += TokenStore.Lifetime;
        _tokens.Issue(Ticket);
    }

    [Fact]
    public void No_two_are_alike() => Assert.Equal(500, Enumerable.Range(0, 500).Select(_ => _tokens.Issue(Ticket)).Distinct().Count());

    private sealed class ManualTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
