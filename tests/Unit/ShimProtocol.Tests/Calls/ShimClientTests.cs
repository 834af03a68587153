using System.Net.Sockets;
using System.Text;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.ShimProtocol.Tests.Calls;

public class ShimClientTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Many_calls_at_once_get_their_own_answers()
    {
        using var shim = new LoopbackShim(call => call.Reply(new ExitStatus { Code = StopRequest.Parser.ParseFrom(call.Payload).Signal }));
        await using var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        var answers = await Task.WhenAll(Enumerable.Range(1, 500).Select(n => client.StopAsync(n, TimeSpan.Zero, default)));
        Assert.Equal(Enumerable.Range(1, 500), answers.Select(a => a.Code));
        Assert.Empty(shim.Errors);
    }

    /// <summary>From many threads the numbers of streams must still rise on the wire: the shim ends the connection of whoever breaks that.</summary>
    [Fact]
    public async Task Calls_of_many_threads_keep_their_order_on_the_wire()
    {
        using var shim = new LoopbackShim(call => call.Reply(new ExitStatus { Code = StopRequest.Parser.ParseFrom(call.Payload).Signal }));
        await using var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        await Parallel.ForEachAsync(Enumerable.Range(1, 20_000), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (n, token) =>
            Assert.Equal(n, (await client.StopAsync(n, TimeSpan.Zero, token)).Code));
        Assert.Empty(shim.Errors);
    }

    [Fact]
    public async Task A_runtime_fault_reaches_the_caller_with_code_and_sentence()
    {
        using var shim = new LoopbackShim(_ => throw RuntimeFault.FailedPrecondition("not now"));
        await using var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        var fault = await Assert.ThrowsAsync<ShimFault>(() => client.StartAsync(default));
        Assert.Equal((FaultCode.FailedPrecondition, "not now"), (fault.Code, fault.Message));
    }

    [Fact]
    public async Task Exec_output_arrives_whole_and_in_order_when_it_outruns_the_caller()
    {
        var expected = new byte[3_000_000];
        new Random(1).NextBytes(expected);
        using var shim = new LoopbackShim(call =>
        {
            foreach (var chunk in expected.Chunk(60_000)) call.SendOutput(false, chunk);
            call.SendOutput(true, "oops"u8);
            call.Send(new ExecSyncFrame { Result = new ExecSyncResult { ExitCode = 4 } });
            call.Complete();
        });
        await using var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        var output = new Collected();
        var result = await client.ExecSyncAsync(new ExecSyncRequest(), output, default);
        Assert.Equal(4, result.ExitCode);
        Assert.True(expected.AsSpan().SequenceEqual(output.Out.ToArray()));
        Assert.Equal("oops", Encoding.UTF8.GetString(output.Err.ToArray()));
    }

    [Fact]
    public async Task Cancelling_abandons_that_call_and_no_other()
    {
        var abandoned = new TaskCompletionSource<string>();
        ShimCall? waiting = null;
        using var shim = new LoopbackShim(call =>
        {
            if (call.Method == ShimMethods.Wait) waiting = call;
            else if (call.Method == ShimMethods.ExecSync) call.OnAbandoned = () => abandoned.SetResult(call.Method);
            else waiting!.Reply(new ExitStatus { Code = 9 });
        });
        await using var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        var wait = client.WaitAsync(default);
        using var source = new CancellationTokenSource();
        var exec = client.ExecSyncAsync(new ExecSyncRequest(), new Collected(), source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => exec);
        Assert.Equal(ShimMethods.ExecSync, await abandoned.Task.WaitAsync(Patience));
        _ = client.ReopenLogAsync(default);
        Assert.Equal(9, (await wait.WaitAsync(Patience)).Code);
        Assert.False(client.Completion.IsCompleted);
    }

    [Fact]
    public async Task The_end_of_the_shim_completes_the_client_and_fails_what_is_under_way()
    {
        var shim = new LoopbackShim(_ => { });
        await using var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        var wait = client.WaitAsync(default);
        shim.Dispose();
        await client.Completion.WaitAsync(Patience);
        Assert.Equal(FaultCode.Unavailable, (await Assert.ThrowsAsync<ShimFault>(() => wait)).Code);
        Assert.Equal(FaultCode.Unavailable, (await Assert.ThrowsAsync<ShimFault>(() => client.HelloAsync(default))).Code);
    }

    [Fact]
    public async Task The_end_of_the_client_abandons_its_calls()
    {
        using var arrived = new CountdownEvent(3);
        using var abandoned = new CountdownEvent(3);
        using var shim = new LoopbackShim(call =>
        {
            call.OnAbandoned = () => abandoned.Signal();
            arrived.Signal();
        });
        var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        var calls = Enumerable.Range(0, 3).Select(_ => client.WaitAsync(default)).ToList();
        Assert.True(arrived.Wait(Patience));
        await client.DisposeAsync();
        Assert.True(abandoned.Wait(Patience));
        foreach (var call in calls) await Assert.ThrowsAsync<ShimFault>(() => call);
    }

    [Fact]
    public async Task Nobody_there_is_Unavailable()
    {
        var fault = await Assert.ThrowsAsync<ShimFault>(() => ShimClient.ConnectAsync("/nonexistent/shim.sock", default));
        Assert.Equal(FaultCode.Unavailable, fault.Code);
    }

    [Fact]
    public void The_socket_is_for_its_owner_alone()
    {
        using var shim = new LoopbackShim(_ => { });
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(shim.SocketPath));
    }

    [Fact]
    public async Task Garbage_ends_its_own_connection_only()
    {
        using var shim = new LoopbackShim(call => call.Reply(new HelloResponse { Pid = 5 }));
        await using var good = await ShimClient.ConnectAsync(shim.SocketPath, default);
        for (var seed = 0; seed < 50; seed++)
        {
            using var bad = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await bad.ConnectAsync(new UnixDomainSocketEndPoint(shim.SocketPath));
            var garbage = new byte[200];
            new Random(seed).NextBytes(garbage);
            garbage[0] = 0xff; // a length above the cap
            await bad.SendAsync(garbage);
            using var patience = new CancellationTokenSource(Patience);
            try
            {
                Assert.Equal(0, await bad.ReceiveAsync(new byte[1], patience.Token));
            }
            catch (SocketException)
            {
                // reset: our unread bytes were thrown away with the connection
            }
        }

        Assert.Equal(5, (await good.HelloAsync(default)).Pid);
        Assert.Empty(shim.Errors);
    }

    [Fact]
    public async Task Callers_on_many_threads_share_a_connection()
    {
        using var shim = new LoopbackShim(call => call.Reply(new HelloResponse { Pid = 5 }));
        await using var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        using var start = new Barrier(8);
        var callers = Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait(Patience);
                return Task.WhenAll(Enumerable.Range(0, 500).Select(_ => client.HelloAsync(default)));
            },
            TaskCreationOptions.LongRunning).Unwrap());
        Assert.All((await Task.WhenAll(callers).WaitAsync(Patience)).SelectMany(a => a), answer => Assert.Equal(5, answer.Pid));
    }

    [Fact]
    public async Task A_request_larger_than_a_frame_is_its_callers_loss_alone()
    {
        using var shim = new LoopbackShim(call => call.Reply(new HelloResponse { Pid = 5 }));
        await using var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        var huge = new ExecSyncRequest { ProcessJson = Google.Protobuf.ByteString.CopyFrom(new byte[FrameHeader.MaxPayloadBytes]) };
        await Assert.ThrowsAsync<FrameException>(() => client.ExecSyncAsync(huge, new Collected(), default));
        Assert.Equal(5, (await client.HelloAsync(default).WaitAsync(Patience)).Pid);
    }

    [Fact]
    public async Task A_receiver_that_throws_ends_its_call_and_does_not_leave_it_waiting()
    {
        using var shim = new LoopbackShim(call => call.SendOutput(false, "x"u8));
        await using var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        await Assert.ThrowsAsync<ShimFault>(() => client.ExecSyncAsync(new ExecSyncRequest(), new Throwing(), default).WaitAsync(Patience));
        await client.Completion.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_bug_in_a_handler_is_told_to_its_caller_and_to_the_loop_and_the_connection_goes_on()
    {
        using var shim = new LoopbackShim(call =>
        {
            if (call.Method == ShimMethods.Start) throw new InvalidOperationException("a bug");
            call.Reply(new HelloResponse { Pid = 5 });
        });
        await using var client = await ShimClient.ConnectAsync(shim.SocketPath, default);
        var fault = await Assert.ThrowsAsync<ShimFault>(() => client.StartAsync(default).WaitAsync(Patience));
        Assert.Equal(FaultCode.Internal, fault.Code);
        Assert.Equal(5, (await client.HelloAsync(default).WaitAsync(Patience)).Pid);
        Assert.IsType<InvalidOperationException>(Assert.Single(shim.Errors));
    }

    private sealed class Throwing : IExecOutput
    {
        public void Stdout(ReadOnlySpan<byte> bytes) => throw new InvalidOperationException("no more room");

        public void Stderr(ReadOnlySpan<byte> bytes) => throw new InvalidOperationException("no more room");
    }

    private sealed class Collected : IExecOutput
    {
        public List<byte> Out { get; } = [];

        public List<byte> Err { get; } = [];

        public void Stdout(ReadOnlySpan<byte> bytes) => Out.AddRange(bytes);

        public void Stderr(ReadOnlySpan<byte> bytes) => Err.AddRange(bytes);
    }
}
