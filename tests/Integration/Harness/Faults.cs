using Grpc.Core;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Expected refusals: the exact code and a sentence for the reader.</summary>
public static class Faults
{
    /// <summary>The call must fail with <paramref name="code"/> and a sentence that contains every one of <paramref name="words"/>.</summary>
    public static async Task<RpcException> ExpectAsync(StatusCode code, Func<Task> call, params string[] words)
    {
        var fault = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(code == fault.StatusCode, $"expected {code}, got {fault.StatusCode}: {fault.Status.Detail}");
        Assert.True(fault.Status.Detail.Length >= 12 && fault.Status.Detail.Contains(' '), $"not a sentence: '{fault.Status.Detail}'");
        foreach (var word in words) Assert.Contains(word, fault.Status.Detail, StringComparison.OrdinalIgnoreCase);
        return fault;
    }

    public static Task<RpcException> ExpectAsync<T>(StatusCode code, AsyncUnaryCall<T> call, params string[] words) =>
        ExpectAsync(code, () => call.ResponseAsync, words);
}
