using ShimRuntime.Images.Tests.Support;
using Xunit;

namespace ShimRuntime.Images.Tests.Collection;

public sealed class CollectorLockTests
{
    private readonly CollectorLock _lock = new();

    [Fact]
    public async Task ReadersShareAndAWriterIsAlone()
    {
        var one = await _lock.ReadAsync(default);
        var two = await _lock.ReadAsync(default);
        var writer = _lock.WriteAsync(default).AsTask();
        one.Dispose();
        one.Dispose();
        Assert.False(writer.IsCompleted);
        two.Dispose();
        using (await writer)
        {
            var late = _lock.ReadAsync(default).AsTask();
            Assert.False(late.IsCompleted);
            var next = _lock.WriteAsync(default).AsTask();
            Assert.False(next.IsCompleted);
            (await writer).Dispose();
            (await next).Dispose();
            (await late).Dispose();
        }
    }

    [Fact]
    public async Task AWaitingWriterGoesBeforeLaterReaders()
    {
        var reader = await _lock.ReadAsync(default);
        var writer = _lock.WriteAsync(default).AsTask();
        var late = _lock.ReadAsync(default).AsTask();
        reader.Dispose();
        using (await writer) Assert.False(late.IsCompleted);
        (await late).Dispose();
    }

    [Fact]
    public async Task AWriterThatGivesUpLetsTheReadersIn()
    {
        var reader = await _lock.ReadAsync(default);
        using var impatient = new CancellationTokenSource();
        var writer = _lock.WriteAsync(impatient.Token).AsTask();
        var late = _lock.ReadAsync(default).AsTask();
        Assert.False(late.IsCompleted);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writer);
        (await late).Dispose();
        reader.Dispose();
        (await _lock.WriteAsync(default)).Dispose();
    }

    [Fact]
    public async Task UnderLoadNobodyIsLostOrDoubled()
    {
        int readers = 0, writers = 0, violations = 0;
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(async () =>
        {
            using var mayGiveUp = new CancellationTokenSource();
            if (i % 5 == 0) mayGiveUp.CancelAfter(i % 7);
            try
            {
                using var hold = i % 4 == 0 ? await _lock.WriteAsync(mayGiveUp.Token) : await _lock.ReadAsync(mayGiveUp.Token);
                if (i % 4 == 0 && (Interlocked.Increment(ref writers) != 1 || readers != 0)) violations++;
                if (i % 4 != 0 && Interlocked.Increment(ref readers) > 0 && writers != 0) violations++;
                await Task.Yield();
                if (i % 4 == 0) Interlocked.Decrement(ref writers);
                else Interlocked.Decrement(ref readers);
            }
            catch (OperationCanceledException)
            {
                // Gave up in time.
            }
        })));
        Assert.Equal(0, violations);
        (await _lock.WriteAsync(TestContext.Deadline())).Dispose();
    }
}
