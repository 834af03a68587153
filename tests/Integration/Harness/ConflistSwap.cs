using ShimRuntime.Cri.V1;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Another network configuration for the length of one test.</summary>
public static class ConflistSwap
{
    public static async Task WithConflistAsync(this DaemonFixture daemon, string content, Func<Task> test)
    {
        var path = Path.Combine(daemon.World.CniConf, "10-test.conflist");
        var original = await File.ReadAllTextAsync(path);
        await WriteAndSettleAsync(daemon, path, content);
        try
        {
            await test();
            await daemon.RemoveEverythingAsync(await daemon.ImageIdsAsync());
        }
        finally
        {
            await WriteAndSettleAsync(daemon, path, original);
        }
    }

    public static Task NetworkReadyAsync(this DaemonFixture daemon) => Eventually.True(() => IsReadyAsync(daemon), "NetworkReady");

    // The directory is watched: the new content is in force when the daemon says so, at the latest after a moment.
    private static async Task WriteAndSettleAsync(DaemonFixture daemon, string path, string content)
    {
        File.Delete(path);
        await Eventually.True(async () => !await IsReadyAsync(daemon), "the daemon has seen that the conflist is gone");
        await File.WriteAllTextAsync(path + ".tmp", content);
        File.Move(path + ".tmp", path);
        await daemon.NetworkReadyAsync();
    }

    private static async Task<bool> IsReadyAsync(DaemonFixture daemon) =>
        (await daemon.Runtime.StatusAsync(new StatusRequest())).Status.Conditions.Single(c => c.Type == "NetworkReady").Status;
}
