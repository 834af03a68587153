using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Shims;

public class RunningShimTests
{
    [Fact]
    public async Task A_silent_shim_is_named_with_its_state()
    {
        await using var fake = new FakeShim(TimeSpan.FromMilliseconds(200));
        var fault = await Assert.ThrowsAsync<ShimFault>(() => fake.Shim.HelloAsync(CancellationToken.None));
        Assert.Equal(FaultCode.DeadlineExceeded, fault.Code);
        Assert.Contains($"pid {fake.Shim.Process.Pid} (sleep), state S", fault.Message, StringComparison.Ordinal);
        Assert.False(fake.Shim.Gone.IsCompleted);
    }

    [Fact]
    public async Task A_broken_connection_is_made_again()
    {
        await using var fake = new FakeShim();
        fake.Answers[ShimMethods.Hello] = _ => Task.FromResult<IMessage>(new HelloResponse { ShimPid = 7 });
        await fake.Shim.HelloAsync(CancellationToken.None);
        fake.CutConnections();
        Assert.Equal(7, (await RetryAsync(() => fake.Shim.HelloAsync(CancellationToken.None))).ShimPid);
    }

    [Fact]
    public async Task Its_death_is_seen_and_a_kill_afterwards_hits_nobody()
    {
        await using var fake = new FakeShim();
        fake.Kill();
        await fake.Shim.Gone.WaitAsync(TimeSpan.FromSeconds(10));
        fake.Shim.Kill();
    }

    [Fact]
    public async Task The_callers_own_cancellation_is_no_deadline()
    {
        await using var fake = new FakeShim();
        using var client = new CancellationTokenSource(50);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fake.Shim.WaitAsync(client.Token));
    }

    /// <summary>The first call after a cut may still be on the old connection.</summary>
    private static async Task<T> RetryAsync<T>(Func<Task<T>> call)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await call();
            }
            catch (ShimFault) when (attempt < 3)
            {
            }
        }
    }
}
