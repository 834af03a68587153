using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cli.Swapping;
using ShimRuntime.Cri.HotSwap.V1;

namespace ShimRuntime.Cli.Commands;

internal static class SwapCommand
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(4); // ready, drain and probation are at most an hour each

    public static Command Create()
    {
        var target = new Argument<string>("container") { Description = "Container, by id or name" };
        var arguments = new SwapArguments();
        var rollback = new Option<bool>("--rollback") { Description = "Go back to the old spec, while the way back is open" };
        var abort = new Option<bool>("--abort") { Description = "Give the swap under way up, before it is committed" };
        var status = new Option<bool>("--status") { Description = "Show the last swap and the generations" };
        var watch = new Option<string?>("--watch") { Description = "Swap again each time this file, or something below this directory, has changed", HelpName = "PATH" };
        var command = new DescribedCommand("swap",
            "Replaces the process inside a running container; id, pod address, volumes and log stay. Without --image or the like: the same again.",
            "shimctl swap web --env LOG_LEVEL=debug --ready tcp:8080", "shimctl swap web --image registry.example/app@sha256:… --ready http:8080/healthz --probation 60",
            "shimctl swap web --watch ./out", "shimctl swap web --rollback", "shimctl swap web --status");
        command.Arguments.Add(target);
        arguments.AddTo(command);
        foreach (var option in (Option[])[rollback, abort, status, watch]) command.Options.Add(option);
        command.Does(async (parsed, session, cancellation) =>
        {
            var (isRollback, isAbort, isStatus) = (parsed.GetValue(rollback), parsed.GetValue(abort), parsed.GetValue(status));
            var path = parsed.GetValue(watch);
            if ((bool[])[isRollback, isAbort, isStatus, path is not null] is var modes && modes.Count(m => m) > 1)
                throw new UsageException("--rollback, --abort, --status and --watch exclude each other");
            var id = (await Lookup.ContainerAsync(session, parsed.GetRequiredValue(target), cancellation)).Id;
            if (isStatus) return await StatusAsync(session, id, cancellation);
            if (path is not null) return await WatchAsync(session, path, arguments.Request(parsed, id), cancellation);
            if (!isRollback && !isAbort) return await SwapAsync(session, arguments.Request(parsed, id), cancellation);
            var options = session.Call(cancellation, Longest);
            var generation = isRollback
                ? (await session.HotSwap.RollbackAsync(new RollbackRequest { ContainerId = id, ExpectedGeneration = arguments.Expected(parsed) }, options)).Generation
                : (await session.HotSwap.AbortAsync(new AbortRequest { ContainerId = id, RequestId = arguments.RequestId(parsed) }, options)).Generation;
            Console.WriteLine(session.Json ? $$"""{"generation":{{generation}}}""" : $"generation {generation} serves");
            return 0;
        });
        return command;
    }

    /// <summary>Ends with 0 only when the new generation serves.</summary>
    private static async Task<int> SwapAsync(Session session, SwapRequest request, CancellationToken cancellation)
    {
        using var call = session.HotSwap.Swap(request, session.Call(cancellation, Longest));
        var display = new SwapDisplay(Console.Out);
        SwapEvent? last = null;
        await foreach (var happened in call.ResponseStream.ReadAllAsync(cancellation))
        {
            last = happened;
            if (session.Json) JsonOutput.Print(happened);
            else display.Show(happened);
        }

        return last?.Outcome is Outcome.Swapped or Outcome.DryRun ? 0 : 1;
    }

    /// <summary>Until interrupted, or the container is gone. A swap that fails is shown, and the next change tried.</summary>
    private static async Task<int> WatchAsync(Session session, string path, SwapRequest request, CancellationToken cancellation)
    {
        if (request.RequestId.Length > 0 || request.ExpectedGeneration != 0) throw new UsageException("--watch swaps more than once; leave out --request-id and --expect");
        using var changes = new ChangeWatch(path, Quiet);
        while (true)
        {
            await changes.ChangedAsync(cancellation);
            try
            {
                await SwapAsync(session, request, cancellation);
            }
            catch (RpcException e) when (e.StatusCode is not (StatusCode.NotFound or StatusCode.Cancelled or StatusCode.InvalidArgument))
            {
                await Console.Error.WriteLineAsync($"shimctl: {TextTable.Printable(CommandAction.Explain(e))}");
            }
        }
    }

    private static async Task<int> StatusAsync(Session session, string id, CancellationToken cancellation)
    {
        var status = await session.HotSwap.GetStatusAsync(new GetStatusRequest { ContainerId = id }, session.Call(cancellation));
        var generations = await session.HotSwap.ListGenerationsAsync(new ListGenerationsRequest { ContainerId = id }, session.Call(cancellation));
        var sockets = await session.HotSwap.ListSocketsAsync(new ListSocketsRequest { ContainerId = id }, session.Call(cancellation));
        if (session.Json)
        {
            JsonOutput.Print(status);
            JsonOutput.Print(generations);
            JsonOutput.Print(sockets);
            return 0;
        }

        Show(status);
        foreach (var socket in sockets.Sockets)
        {
            var flags = $"{(socket.V6Only ? " v6only" : "")}{(socket.ReusePort ? " reuseport" : "")}";
            Console.WriteLine($"listens on {socket.Family} {TextTable.Printable(socket.Address)}{flags} ({TextTable.Printable(socket.Name)})");
        }

        foreach (var unfit in sockets.Unfit) Console.WriteLine($"can't be handed on: {TextTable.Printable(unfit)}");
        var table = new TextTable("GENERATION", "STARTED", "ENDED", "EXIT", "IMAGE", "CAUSE");
        foreach (var g in generations.Generations)
        {
            table.Add($"{g.Number}{(g.Current ? " *" : "")}", Time(g.StartedAtNanos), Time(g.FinishedAtNanos),
                g.FinishedAtNanos == 0 ? "" : $"{g.ExitCode} {g.Reason}", Units.ShortId(g.ImageId), g.Cause);
        }

        table.Print();
        return 0;
    }

    private static void Show(GetStatusResponse status)
    {
        if (status.Swap is { } swap)
        {
            var outcome = swap.Outcome == Outcome.Unspecified ? SwapDisplay.PhaseName(swap.Phase) : swap.Outcome.ToString().ToUpperInvariant();
            var cause = swap.Cause.Length > 0 ? $": {TextTable.Printable(swap.Cause)}" : "";
            Console.WriteLine($"swap {swap.RequestId}: generation {swap.OldGeneration} -> {swap.NewGeneration}, {outcome}{cause}{(swap.RollbackPossible ? " (the way back is open)" : "")}");
        }

        foreach (var annotation in status.Annotations) Console.WriteLine($"annotation {TextTable.Printable(annotation)}");
        if (status.TriggerCause.Length > 0) Console.WriteLine($"its trigger file led to nothing: {TextTable.Printable(status.TriggerCause)}");
        foreach (var ignored in status.IgnoredAnnotations) Console.WriteLine($"ignored annotation {TextTable.Printable(ignored)}");
    }

    private static string Time(long nanos) => nanos == 0 ? "" : DateTimeOffset.FromUnixTimeMilliseconds(nanos / 1_000_000).ToLocalTime().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
