using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Cri.V1;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Daemon.Services;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class FaultInterceptorTests
{
    private readonly ServiceGate _gate = new() { Locks = null! }; // no call here looks at them
    private readonly FaultInterceptor _interceptor;

    public FaultInterceptorTests() => _interceptor = new FaultInterceptor(_gate, NullLogger<FaultInterceptor>.Instance);

    [Theory]
    [InlineData(FaultCode.NotFound, StatusCode.NotFound)]
    [InlineData(FaultCode.AlreadyExists, StatusCode.AlreadyExists)]
    [InlineData(FaultCode.InvalidArgument, StatusCode.InvalidArgument)]
    [InlineData(FaultCode.FailedPrecondition, StatusCode.FailedPrecondition)]
    [InlineData(FaultCode.Unimplemented, StatusCode.Unimplemented)]
    [InlineData(FaultCode.Unavailable, StatusCode.Unavailable)]
    public async Task A_fault_keeps_its_code_and_sentence(FaultCode fault, StatusCode expected)
    {
        var status = await CallAsync(new RuntimeFault(fault, "failed to find container 'x': it is gone"));
        Assert.Equal(expected, status.StatusCode);
        Assert.Equal("failed to find container 'x': it is gone", status.Detail);
    }

    [Fact]
    public async Task What_nobody_foresaw_shows_an_id_and_nothing_else()
    {
        var status = await CallAsync(new InvalidOperationException("secret at Line 7"));
        Assert.Equal(StatusCode.Internal, status.StatusCode);
        Assert.Matches("^failed to serve /test: internal error [0-9a-f]{12}; ", status.Detail);
        Assert.DoesNotContain("secret", status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_disk_refuses_is_said()
    {
        var status = await CallAsync(new LinuxException("fsync", Errno.EIO, "/root/x"));
        Assert.Equal(StatusCode.Internal, status.StatusCode);
        Assert.Matches("^failed to serve /test: fsync '/root/x': Input/output error \\(errno 5\\); .* [0-9a-f]{12}$", status.Detail);
    }

    [Fact]
    public async Task A_long_sentence_is_cut_to_what_a_header_holds() =>
        Assert.InRange((await CallAsync(RuntimeFault.Internal(new string('x', 100_000)))).Detail.Length, 1, 5000);

    [Theory]
    [InlineData("ä")] // two bytes, six as sent
    [InlineData("😀")] // two UTF-16 units, twelve bytes as sent
    [InlineData("%")]
    [InlineData("\n")]
    public async Task The_cut_counts_what_is_sent(string text)
    {
        var detail = (await CallAsync(RuntimeFault.Internal(string.Concat(Enumerable.Repeat(text, 4000))))).Detail;
        Assert.InRange(Uri.EscapeDataString(detail).Length, 1000, 4096 + 9);
        Assert.EndsWith(text + "…", detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_left_is_told_apart_from_a_daemon_that_ends()
    {
        Assert.Equal(StatusCode.Cancelled, (await CallAsync(new OperationCanceledException(), new CallContext(new CancellationToken(true)))).StatusCode);
        Assert.Equal(StatusCode.Unavailable, (await CallAsync(new OperationCanceledException())).StatusCode);
    }

    [Fact]
    public async Task A_request_that_is_too_large_never_reaches_the_service()
    {
        var reached = false;
        var request = new ExecSyncRequest { Cmd = { new string('a', 3 << 20) } };
        var error = await Assert.ThrowsAsync<RpcException>(() => _interceptor.UnaryServerHandler(request, new CallContext(default), (_, _) =>
        {
            reached = true;
            return Task.FromResult(new ExecSyncResponse());
        }));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.False(reached);
    }

    private async Task<Status> CallAsync(Exception thrown, ServerCallContext? context = null)
    {
        var call = _interceptor.UnaryServerHandler<VersionRequest, VersionResponse>(
            new VersionRequest(), context ?? new CallContext(default), (_, _) => Task.FromException<VersionResponse>(thrown));
        return (await Assert.ThrowsAsync<RpcException>(() => call)).Status;
    }

    /// <summary>A call as far as the interceptor looks at it.</summary>
    private sealed class CallContext(CancellationToken cancellation) : ServerCallContext
    {
        protected override string MethodCore => "/test";

        protected override string HostCore => "";

        protected override string PeerCore => "";

        protected override DateTime DeadlineCore => DateTime.MaxValue;

        protected override Metadata RequestHeadersCore { get; } = [];

        protected override CancellationToken CancellationTokenCore => cancellation;

        protected override Metadata ResponseTrailersCore { get; } = [];

        protected override Status StatusCore { get; set; }

        protected override WriteOptions? WriteOptionsCore { get; set; }

        protected override AuthContext AuthContextCore => throw new NotSupportedException();

        protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
            throw new NotSupportedException();

        protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
    }
}
