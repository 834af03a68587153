using Grpc.Core;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Runtime.Shims.Upgrades;

namespace ShimRuntime.Daemon.Upgrades;

/// <summary>The operator's call for new shims: the file is opened and judged once, and every shim gets that very one.</summary>
internal sealed class ShimUpgrade(ServiceGate gate, UpgradeDesk desk)
{
    private const string Noun = "the shims";

    public async Task RunAsync(UpgradeShimsRequest request, IServerStreamWriter<UpgradedShim> answer, CancellationToken client)
    {
        var services = gate.Services;
        using var program = new TrustedBinary(Noun).Open(request.Binary.Length == 0 ? services.ShimPath : request.Binary);
        // A daemon that hands over has its calls end soon: no further shim is begun then.
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(client, gate.Cut);
        desk.Take(Noun);
        try
        {
            await services.ShimUpgrades.RunAsync(program, request.ContainerIds, TellAsync, ending.Token);
        }
        finally
        {
            desk.Release();
        }

        // Whoever asked may have gone: what is under way is finished all the same.
        Task TellAsync(ShimUpgradeStep step) => client.IsCancellationRequested ? Task.CompletedTask : answer.WriteAsync(Message(step), CancellationToken.None);
    }

    private static UpgradedShim Message(ShimUpgradeStep step) => new()
    {
        ContainerId = step.ContainerId,
        Outcome = step.Outcome switch
        {
            ShimUpgradeOutcome.Upgraded => UpgradedShim.Types.Outcome.Upgraded,
            ShimUpgradeOutcome.Refused => UpgradedShim.Types.Outcome.Refused,
            ShimUpgradeOutcome.Lost => UpgradedShim.Types.Outcome.Lost,
            ShimUpgradeOutcome.Silent => UpgradedShim.Types.Outcome.Silent,
            ShimUpgradeOutcome.Gone => UpgradedShim.Types.Outcome.Gone,
            _ => UpgradedShim.Types.Outcome.Untouched,
        },
        Cause = step.Cause,
        PreviousVersion = step.PreviousVersion,
        Version = step.Version,
        TookMilliseconds = (long)step.Took.TotalMilliseconds,
        Done = step.Done,
        Total = step.Total,
    };
}
