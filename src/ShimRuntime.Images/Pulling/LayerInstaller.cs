using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// Gets the layers of an image into the layer store, side by side, each in one pass: source → sha256 → decompress → diff id → unpack. A
/// layer is committed when both digests are right and its parent is committed. One flow per chain id on this node; who finds another's flow
/// waits for it, and goes himself if that one fails (its registry or credentials may be the reason).
/// </summary>
/// <param name="concurrent">Layers in transfer at once, over all images.</param>
[SuppressMessage("Reliability", "CA1001",
    Justification = "A semaphore without a wait handle holds nothing, and flights outlive whoever would dispose it.")]
internal sealed class LayerInstaller(ILayerStore layers, int concurrent, CancellationToken daemon)
{
    /// <summary>What one layer may unpack to: stops a compression bomb that the sizes of its entries do not show.</summary>
    private const long MaxUnpackedBytes = 1L << 38;
    private const int MaxJoins = 3;
    private readonly SingleFlight<Digest, bool> _flights = new(daemon);
    private readonly SemaphoreSlim _transfers = new(concurrent);

    /// <param name="open">The layer's blob as it was stored or pushed, telling bytes as they come.</param>
    public async Task InstallAsync(
        ImmutableArray<LayerPlan> plans, Func<LayerPlan, Action<long>, Stream> open, PullProgressFeed feed, CancellationToken cancellation)
    {
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var installs = new Task[plans.Length];
        for (var i = 0; i < plans.Length; i++)
        {
            var order = new LayerOrder(plans[i], i, open, feed, i == 0 ? Task.CompletedTask : installs[i - 1]);
            installs[i] = Task.Run(() => EnsureAsync(order, all), CancellationToken.None);
        }

        await FirstFailureAsync(installs).ConfigureAwait(false);
    }

    /// <summary>Waits for all, and throws what went wrong first rather than the cancellations that it caused.</summary>
    private static async Task FirstFailureAsync(Task[] installs)
    {
        try
        {
            await Task.WhenAll(installs).ConfigureAwait(false);
        }
        catch (Exception)
        {
            var failures = installs.Where(t => t.IsFaulted).Select(t => t.Exception!.InnerException!);
            var failure = failures.FirstOrDefault(e => e is not OperationCanceledException);
            if (failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
            throw;
        }
    }

    private async Task EnsureAsync(LayerOrder order, CancellationTokenSource all)
    {
        try
        {
            for (var joins = 0; ; joins++)
            {
                if (layers.Exists(order.Plan.ChainId))
                {
                    order.Feed.Phase(order.Index, LayerPhase.Exists);
                    return;
                }

                if (await RunOrJoinAsync(order, joins < MaxJoins, all.Token).ConfigureAwait(false)) return;
            }
        }
        catch
        {
            await all.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <returns>False: another image's flow was joined and failed.</returns>
    private async Task<bool> RunOrJoinAsync(LayerOrder order, bool mayRetry, CancellationToken cancellation)
    {
        var mine = false;
        try
        {
            await _flights.RunAsync(
                order.Plan.ChainId,
                async _ =>
                {
                    mine = true;
                    await FlyAsync(order, cancellation).ConfigureAwait(false);
                    return true;
                },
                cancellation).ConfigureAwait(false);
            order.Feed.Phase(order.Index, LayerPhase.Done);
            return true;
        }
        catch (Exception) when (!mine && mayRetry && !cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Looks again first: the flow that another image had may have ended between the caller's look and this one's start.</summary>
    private async Task FlyAsync(LayerOrder order, CancellationToken cancellation)
    {
        if (layers.Exists(order.Plan.ChainId)) return;
        await using var draft = await TransferAsync(order, cancellation).ConfigureAwait(false);
        order.Feed.Phase(order.Index, LayerPhase.Applying);
        await order.Parent.WaitAsync(cancellation).ConfigureAwait(false);
        await draft.CommitAsync(order.Plan.Chain, order.Plan.DiffId, cancellation).ConfigureAwait(false);
    }

    /// <summary>The slot is free again before the parent is waited for: the parent may need it.</summary>
    private async Task<ILayerDraft> TransferAsync(LayerOrder order, CancellationToken cancellation)
    {
        await _transfers.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            order.Feed.Phase(order.Index, LayerPhase.Fetching);
            await using var blob = order.Open(order.Plan, bytes => order.Feed.Fetched(order.Index, bytes));
            return await UnpackAsync(order.Plan, blob, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _transfers.Release();
        }
    }

    private async Task<ILayerDraft> UnpackAsync(LayerPlan plan, Stream blob, CancellationToken cancellation)
    {
        await using var stored = new DigestStream(blob, plan.Blob.Size);
        ILayerDraft? draft = null;
        try
        {
            await using var plain = await Decompressor.OpenAsync(stored, cancellation).ConfigureAwait(false);
            await using var diff = new DigestStream(plain, MaxUnpackedBytes);
            draft = await layers.UnpackAsync(diff, cancellation).ConfigureAwait(false);
            await diff.DrainAsync(cancellation).ConfigureAwait(false);
            await stored.DrainAsync(cancellation).ConfigureAwait(false);
            Verify(plan, stored);
            if (diff.Current() != plan.DiffId)
                throw new InvalidDataException($"layer {plan.Blob.Digest} unpacks to {diff.Current()}, and the config says {plan.DiffId}");
            return draft;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (draft is not null) await draft.DisposeAsync().ConfigureAwait(false);
            if (IsAboutContent(e)) await BlameTransferAsync(plan, stored, cancellation).ConfigureAwait(false);
            throw;
        }
        catch
        {
            if (draft is not null) await draft.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>What does not decompress or parse may just have been damaged on the way: the digest of the whole blob tells.</summary>
    private static async Task BlameTransferAsync(LayerPlan plan, DigestStream stored, CancellationToken cancellation)
    {
        await stored.DrainAsync(cancellation).ConfigureAwait(false);
        Verify(plan, stored);
    }

    private static bool IsAboutContent(Exception e) =>
        e is InvalidDataException or ZstdSharp.ZstdException or EndOfStreamException or RuntimeFault { Code: FaultCode.InvalidArgument };

    private static void Verify(LayerPlan plan, DigestStream stored)
    {
        if (stored.Current() == plan.Blob.Digest && stored.BytesRead == plan.Blob.Size) return;
        throw new InvalidDataException($"layer {plan.Blob.Digest} arrived as {stored.BytesRead} bytes with digest {stored.Current()}");
    }

    private sealed record LayerOrder(
        LayerPlan Plan, int Index, Func<LayerPlan, Action<long>, Stream> Open, PullProgressFeed Feed, Task Parent);
}
