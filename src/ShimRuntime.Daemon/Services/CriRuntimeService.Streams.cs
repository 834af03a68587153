using Grpc.Core;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Daemon.Services;

/// <content>Lists that may be longer than one message, and events.</content>
internal sealed partial class CriRuntimeService
{
    /// <summary>Response header: number of the last event before the subscription; see "events" in verbose Status.</summary>
    internal const string EventSequenceHeader = "shimruntime-event-sequence";

    public override Task StreamPodSandboxes(
        StreamPodSandboxesRequest request, IServerStreamWriter<StreamPodSandboxesResponse> responseStream, ServerCallContext context) =>
        ListStream.WriteAsync(gate.Services.Sandboxes.List(request.Filter), responseStream,
            items => new StreamPodSandboxesResponse { PodSandboxes = { items } }, context.CancellationToken);

    public override Task StreamContainers(
        StreamContainersRequest request, IServerStreamWriter<StreamContainersResponse> responseStream, ServerCallContext context) =>
        ListStream.WriteAsync(gate.Services.Containers.List(request.Filter), responseStream,
            items => new StreamContainersResponse { Containers = { items } }, context.CancellationToken);

    public override Task StreamContainerStats(
        StreamContainerStatsRequest request, IServerStreamWriter<StreamContainerStatsResponse> responseStream, ServerCallContext context) =>
        ListStream.WriteAsync(gate.Services.Stats.Containers(request.Filter), responseStream,
            items => new StreamContainerStatsResponse { ContainerStats = { items } }, context.CancellationToken);

    public override Task StreamPodSandboxStats(
        StreamPodSandboxStatsRequest request,
        IServerStreamWriter<StreamPodSandboxStatsResponse> responseStream,
        ServerCallContext context) =>
        ListStream.WriteAsync(gate.Services.Stats.Sandboxes(request.Filter), responseStream,
            items => new StreamPodSandboxStatsResponse { PodSandboxStats = { items } }, context.CancellationToken);

    public override Task StreamPodSandboxMetrics(
        StreamPodSandboxMetricsRequest request,
        IServerStreamWriter<StreamPodSandboxMetricsResponse> responseStream,
        ServerCallContext context) =>
        ListStream.WriteAsync(gate.Services.Metrics.Pods(), responseStream,
            items => new StreamPodSandboxMetricsResponse { PodSandboxMetrics = { items } }, context.CancellationToken);

    /// <summary>
    /// Headers are sent once the subscription stands: a client that has them and then lists has missed nothing. Ends by the client, by the
    /// daemon's end, or, for one that does not read, with ResourceExhausted.
    /// </summary>
    public override async Task GetContainerEvents(
        GetEventsRequest request, IServerStreamWriter<ContainerEventResponse> responseStream, ServerCallContext context)
    {
        using var subscription = gate.Services.Events.Subscribe();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, gate.Ending, subscription.CutOff);
        try
        {
            await context.WriteResponseHeadersAsync(new Metadata { { EventSequenceHeader, $"{subscription.StartSequence}" } });
            // A token given to the write would reset the stream, and with it the sentence why: only our waiting ends.
            await foreach (var message in subscription.ReadAsync(end.Token)) await responseStream.WriteAsync(message).WaitAsync(end.Token);
        }
        catch (OperationCanceledException) when (subscription.CutOff.IsCancellationRequested)
        {
            throw subscription.CutOffFault();
        }
    }
}
