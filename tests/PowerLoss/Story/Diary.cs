using System.Collections.Concurrent;

namespace ShimRuntime.PowerLoss.Tests.Story;

/// <summary>What a client asks for and is told.</summary>
public enum Verb
{
    Pull,
    RemoveImage,
    RunPod,
    RemovePod,
    Create,
    Start,
    SeeExit,
    Swap,
    RemoveContainer,
}

/// <summary>One call, and when it began and was answered (seconds since the epoch).</summary>
/// <param name="Id">Of the image, pod or container.</param>
/// <param name="Value">The exit code that was seen, the image that was swapped to.</param>
public sealed record Mark(Verb Verb, string Id, string Value, double BegunAt, double AnsweredAt);

/// <summary>All that a client did: what it was promised at any moment follows from it.</summary>
public sealed class Diary
{
    private readonly ConcurrentQueue<Mark> _marks = new();

    public IReadOnlyList<Mark> Marks => [.. _marks.OrderBy(m => m.BegunAt)];

    /// <summary>Calls, and writes down what came of it.</summary>
    /// <param name="told">Id, and what else was told, from the answer.</param>
    public async Task<T> CallAsync<T>(Verb verb, Func<Task<T>> call, Func<T, (string Id, string Value)> told)
    {
        var begun = Now;
        var answer = await call();
        var answered = Now;
        var (id, value) = told(answer);
        _marks.Enqueue(new Mark(verb, id, value, begun, answered));
        return answer;
    }

    /// <param name="ids">A pod that is removed takes its containers with it: each gets a mark.</param>
    public async Task CallAsync(Func<Task> call, params IReadOnlyList<(Verb Verb, string Id)> ids)
    {
        var begun = Now;
        await call();
        var answered = Now;
        foreach (var (verb, id) in ids) _marks.Enqueue(new Mark(verb, id, "", begun, answered));
    }

    /// <summary>What stands when the power goes at <paramref name="moment"/>, of one thing.</summary>
    public Ledger At(double moment) => new([.. Marks.Where(m => m.BegunAt < moment)], moment);

    private static double Now => (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds;
}
