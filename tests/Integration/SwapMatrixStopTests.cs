using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>The fault matrix of hot swap: it is stopped, or its limits change.</summary>
public sealed class SwapMatrixStopTests(DaemonFixture daemon) : SwapMatrixTests(daemon)
{
    public static TheoryData<Level, Phase, SwapFault, string> Cells =>
        SwapMatrix.Of(SwapFault.Stop, SwapFault.StopPodSandbox, SwapFault.Update);

    [Theory]
    [MemberData(nameof(Cells))]
    public Task Comes(Level level, Phase phase, SwapFault fault, string to) => RunAsync((level, phase), fault, to);
}
