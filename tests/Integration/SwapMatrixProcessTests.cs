using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>The fault matrix of hot swap: a generation ends, or is of no use.</summary>
public sealed class SwapMatrixProcessTests(DaemonFixture daemon) : SwapMatrixTests(daemon)
{
    public static TheoryData<Level, Phase, SwapFault, string> Cells =>
        SwapMatrix.Of(SwapFault.NewDies, SwapFault.NeverReady, SwapFault.OldDies, SwapFault.OomOfNew, SwapFault.OomOfOld);

    [Theory]
    [MemberData(nameof(Cells))]
    public Task Comes(Level level, Phase phase, SwapFault fault, string to) => RunAsync((level, phase), fault, to);
}
