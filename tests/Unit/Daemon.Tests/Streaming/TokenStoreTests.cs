using ShimRuntime.Cri.V1;
using ShimRuntime.Daemon.Streaming;
using ShimRuntime.Daemon.Upgrades;
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
        var token = _tokens.Issue(Ticket, new ExecRequest());
        Assert.Equal(22, token.Length);
        Assert.Null(_tokens.Redeem("attach", token));
        Assert.Same(Ticket, _tokens.Redeem("exec", token));
        Assert.Null(_tokens.Redeem("exec", token));

        var late = _tokens.Issue(Ticket, new ExecRequest());
        _time.Now += TokenStore.Lifetime;
        Assert.Null(_tokens.Redeem("exec", late));
    }

    [Fact]
    public void Their_number_is_bounded_until_they_expire()
    {
        for (var i = 0; i < TokenStore.Most; i++) _tokens.Issue(Ticket, new ExecRequest());
        Assert.Equal(FaultCode.ResourceExhausted, Assert.Throws<RuntimeFault>(() => _tokens.Issue(Ticket, new ExecRequest())).Code);
        _time.Now += TokenStore.Lifetime;
        _tokens.Issue(Ticket, new ExecRequest());
    }

    [Fact]
    public void What_nobody_has_used_is_as_good_with_the_next_daemon()
    {
        var directory = Directory.CreateTempSubdirectory("shimruntime-test-").FullName;
        try
        {
            var used = _tokens.Issue(Ticket, new ExecRequest());
            _tokens.Redeem("exec", used);
            var token = _tokens.Issue(Ticket, new ExecRequest { ContainerId = "c", Cmd = { "sh" } });
            new HandoverState { EventSequence = 7, Streams = _tokens.Unredeemed() }.Write(directory);
            var left = HandoverState.Take(directory);
            Assert.Equal((7ul, token), (left.EventSequence, Assert.Single(left.Streams).Token));
            Assert.Empty(Directory.GetFileSystemEntries(directory)); // it is read once

            var next = new TokenStore(_time);
            next.Restore(left.Streams[0], Ticket, ExecRequest.Parser.ParseFrom(left.Streams[0].Request));
            Assert.Equal(left.Streams[0].Request, next.Unredeemed()[0].Request);
            Assert.Same(Ticket, next.Redeem("exec", token));
            Assert.Null(next.Redeem("exec", token));
            next.Restore(left.Streams[0], Ticket, new ExecRequest());
            _time.Now += TokenStore.Lifetime;
            Assert.Null(next.Redeem("exec", token)); // its minute goes on
        }
        finally
        {
            Directory.Delete(directory, true);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    public void A_state_that_cant_be_read_is_none(string content)
    {
        var directory = Directory.CreateTempSubdirectory("shimruntime-test-").FullName;
        File.WriteAllText(Path.Combine(directory, "handover.json"), content);
        Assert.Empty(HandoverState.Take(directory).Streams);
        Assert.Empty(HandoverState.Take(directory).Streams);
        Directory.Delete(directory, true);
    }

    [Fact]
    public void No_two_are_alike() => Assert.Equal(500, Enumerable.Range(0, 500).Select(_ => _tokens.Issue(Ticket, new ExecRequest())).Distinct().Count());

    private sealed class ManualTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
