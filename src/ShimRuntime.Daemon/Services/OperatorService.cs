using System.Threading.Channels;
using Grpc.Core;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Daemon.Upgrades;
using ShimRuntime.Images;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Services;

/// <summary>shimruntime.operator.v1.Operator: what shimctl needs beyond CRI.</summary>
internal sealed class OperatorService(ServiceGate gate, UpgradeDesk desk) : Operator.OperatorBase
{
    public override async Task<UpgradeDaemonResponse> UpgradeDaemon(UpgradeDaemonRequest request, ServerCallContext context)
    {
        var successor = await desk.BeginAsync(request.Binary, context.CancellationToken);
        return new UpgradeDaemonResponse { Pid = successor.Pid, Version = successor.Version };
    }

    public override Task UpgradeShims(UpgradeShimsRequest request, IServerStreamWriter<UpgradedShim> responseStream, ServerCallContext context) =>
        new ShimUpgrade(gate, desk).RunAsync(request, responseStream, context.CancellationToken);

    public override Task<GetDaemonResponse> GetDaemon(GetDaemonRequest request, ServerCallContext context) => Task.FromResult(new GetDaemonResponse
    {
        Pid = Environment.ProcessId, Version = Program.Version, StartedAtNanos = desk.StartedAtNanos, FailedUpgrade = desk.FailedUpgrade,
    });

    public override async Task<DoctorResponse> Doctor(DoctorRequest request, ServerCallContext context)
    {
        var orphans = await gate.Services.Doctor.ExamineAsync(request.Fix, context.CancellationToken);
        return new DoctorResponse { Findings = { gate.Locks.Examine(request.Fix).Concat(orphans).Select(Message) } };
    }

    public override async Task<ImportImageResponse> ImportImage(
        IAsyncStreamReader<ImportImageRequest> requestStream, ServerCallContext context)
    {
        var images = gate.Services.Images;
        if (!await requestStream.MoveNext(context.CancellationToken))
        {
            throw RuntimeFault.InvalidArgument("failed to import image: the archive is empty");
        }

        var reference = requestStream.Current.Reference;
        await using var archive = new ImportStream(requestStream);
        var imported = await images.ImportAsync(archive, reference.Length == 0 ? null : reference, context.CancellationToken);
        return new ImportImageResponse { Images = { imported.Select(Message) } };
    }

    public override async Task PullImage(
        PullImageRequest request, IServerStreamWriter<Cri.Operator.V1.PullProgress> responseStream, ServerCallContext context)
    {
        if (request.Reference.Length == 0) throw RuntimeFault.InvalidArgument("failed to pull image: the request has no reference");
        // One slot, newest wins: progress is a picture of now, and a slow client must not hold the pull.
        var newest = new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest };
        var latest = Channel.CreateBounded<Images.PullProgress>(newest);
        var pull = PullAsync(request, latest.Writer, context.CancellationToken);
        await foreach (var progress in latest.Reader.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(Message(progress), context.CancellationToken);
        }

        await responseStream.WriteAsync(new Cri.Operator.V1.PullProgress { ImageId = (await pull).Id }, context.CancellationToken);
    }

    private async Task<ImageRecord> PullAsync(
        PullImageRequest request, ChannelWriter<Images.PullProgress> progress, CancellationToken client)
    {
        var credentials = request.Username.Length == 0 && request.Password.Length == 0
            ? null
            : new RegistryCredentials(request.Username, request.Password, null, null, null, null);
        try
        {
            return await gate.Services.Images.PullAsync(new PullRequest(request.Reference, credentials), new Reporter(progress), client);
        }
        finally
        {
            progress.TryComplete();
        }
    }

    private static Cri.Operator.V1.Finding Message(Runtime.Doctor.Finding finding) => new()
    {
        Kind = finding.Kind,
        Subject = finding.Subject,
        Id = finding.Id,
        NamedBy = finding.NamedBy,
        Why = finding.Why,
        Remedy = finding.Remedy,
        Outcome = (Cri.Operator.V1.Finding.Types.Outcome)finding.Outcome,
        Error = finding.Error,
    };

    private static ImportedImage Message(ImageRecord image) => new() { Id = image.Id, References = { image.RepoTags, image.RepoDigests } };

    private static Cri.Operator.V1.PullProgress Message(Images.PullProgress progress) => new()
    {
        Layers =
        {
            progress.Layers.Select(layer => new Cri.Operator.V1.LayerProgress
            {
                Digest = layer.Digest,
                Phase = layer.Phase,
                FetchedBytes = layer.FetchedBytes,
                TotalBytes = layer.TotalBytes,
            }),
        },
    };

    private sealed class Reporter(ChannelWriter<Images.PullProgress> latest) : IProgress<Images.PullProgress>
    {
        public void Report(Images.PullProgress value) => latest.TryWrite(value);
    }
}
