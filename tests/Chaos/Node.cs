using Grpc.Core;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>
/// A daemon whose calls are made as kubelet makes them: again when they fail, and on a daemon that a service manager has started again when
/// it has died.
/// </summary>
public sealed class Node(DaemonFixture daemon)
{
    /// <summary>What a call may fail with; a deadline would be a hang.</summary>
    private static readonly StatusCode[] Honest =
        [StatusCode.Internal, StatusCode.Unavailable, StatusCode.Aborted, StatusCode.FailedPrecondition, StatusCode.NotFound, StatusCode.Cancelled];

    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(40);

    public DaemonFixture Daemon { get; } = daemon;

    /// <summary>Faults that may still come, and so failures of calls that are forgiven; one more is not.</summary>
    public int Forgiven { get; set; }

    /// <summary>Shims are killed, so containers may be lost.</summary>
    public bool ShimsDie { get; set; }

    /// <summary>Daemons are killed: one that was just ending a container whose shim was lost leaves nobody who knows how that one ended.</summary>
    public bool DaemonsDie { get; set; }

    /// <summary>Errors are put into calls, so that a start may fail.</summary>
    public bool CallsFail { get; set; }

    /// <summary>An end that nobody asked for, with the code and reason that belong to it.</summary>
    public bool EndsHonestly(Cri.V1.ContainerStatus status) => (status.ExitCode, status.Reason) switch
    {
        (137, "ShimLost") => ShimsDie,
        (128, "StartError") => CallsFail,
        (255, "Unknown") => status.StartedAt == 0 ? ShimsDie || CallsFail : ShimsDie && DaemonsDie,
        _ => false,
    };

    /// <summary>Calls until it succeeds.</summary>
    /// <param name="recover">Between a failure and the next try, on a daemon that serves; true: what was wanted is there already.</param>
    public async Task<T?> CallAsync<T>(string verb, Func<Task<T>> call, Func<Task<bool>>? recover = null)
    {
        for (var isAgain = false; ; isAgain = true)
        {
            try
            {
                if (isAgain && recover is not null && await recover()) return default;
                return await call().WaitAsync(CallLimit);
            }
            catch (RpcException e) when (IsHonest(e) && Forgiven > 0)
            {
                Forgiven--;
                await ServeAsync();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{verb}: {e.GetType().Name}: {e.Message}", e);
            }
        }
    }

    public Task CallAsync(string verb, Func<Task> call, Func<Task<bool>>? recover = null) => CallAsync(verb, async () =>
    {
        await call();
        return true;
    }, recover);

    /// <summary>Returns once a daemon answers: the one that runs, or a new one as often as it takes.</summary>
    public async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                if (Living() is 0)
                {
                    if (Daemon.Pid != 0) await Daemon.KillAsync(); // reaps
                    Daemon.StartProcess();
                }

                await Eventually.True(AnswersAsync, () => "a daemon serves");
                await FollowAsync();
                return;
            }
            catch (Exception e) when ((e is DaemonEndedException || e is RpcException fault && IsUnanswered(fault)) && Forgiven > 0)
            {
                Forgiven--;
            }
            catch (DaemonEndedException)
            {
                throw new InvalidOperationException("the daemon does not come up");
            }
        }
    }

    /// <summary>After a hand-over: the process that serves is the fixture's, and the other one is reaped.</summary>
    private async Task FollowAsync()
    {
        var pid = (await Daemon.Client.Operator.GetDaemonAsync(new GetDaemonRequest())).Pid;
        if (pid == Daemon.Pid) return;
        if (Daemon.Pid != 0)
        {
            var old = Daemon.Pid;
            await Eventually.True(() => !Processes.IsAlive(old), $"the old daemon {old} ends");
            await Daemon.KillAsync(); // reaps
        }

        Daemon.Adopt(pid);
    }

    /// <summary>Of Unknown there is a start that runc refused; "internal error" is what the daemon calls one that nobody foresaw.</summary>
    private static bool IsHonest(RpcException e) =>
        (Honest.Contains(e.StatusCode) || (e.StatusCode == StatusCode.Unknown && e.Status.Detail.StartsWith("failed to start", StringComparison.Ordinal)))
        && !e.Status.Detail.Contains("internal error", StringComparison.Ordinal);

    /// <summary>No daemon's word: Unavailable, or a connection that went meanwhile, which the client calls Internal where the daemon said goodbye first.</summary>
    private static bool IsUnanswered(RpcException e) =>
        e.StatusCode is StatusCode.Unavailable or StatusCode.Cancelled || e.Status.DebugException is HttpRequestException;

    private async Task<bool> AnswersAsync()
    {
        if (Living() == 0) throw new DaemonEndedException();
        try
        {
            await Daemon.Runtime.ListContainersAsync(new Cri.V1.ListContainersRequest());
            return true;
        }
        catch (RpcException e) when (IsUnanswered(e))
        {
            return false;
        }
    }

    /// <summary>A pid, or 0: the one that was started, or any daemon of this world, for one that was handed over to is nobody's child here.</summary>
    private int Living() => Daemon.Pid != 0 && Processes.IsAlive(Daemon.Pid) ? Daemon.Pid : Processes.All().FirstOrDefault(
        p => Processes.Link(p, "exe") == Path.Combine(Daemon.World.Bin, "shimruntimed") && Processes.IsAlive(p));

    private sealed class DaemonEndedException : Exception;
}
