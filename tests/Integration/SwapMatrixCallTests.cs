using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>The fault matrix of hot swap: the log is rotated, an exec runs, another swap is asked for.</summary>
public sealed class SwapMatrixCallTests(DaemonFixture daemon) : SwapMatrixTests(daemon)
{
    public static TheoryData<Level, Phase, SwapFault, string> Cells =>
        SwapMatrix.Of(SwapFault.ReopenLog, SwapFault.ExecRuns, SwapFault.SameSwap, SwapFault.OtherSwap);

    [Theory]
    [MemberData(nameof(Cells))]
    public Task Comes(Level level, Phase phase, SwapFault fault, string to) => RunAsync((level, phase), fault, to);
}
