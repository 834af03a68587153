using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

public sealed class StopSignalsTests
{
    [Theory]
    [InlineData(Signal.RuntimeDefault, null, 15)]
    [InlineData(Signal.RuntimeDefault, " ", 15)]
    [InlineData(Signal.RuntimeDefault, "SIGINT", 2)]
    [InlineData(Signal.RuntimeDefault, "quit", 3)]
    [InlineData(Signal.RuntimeDefault, "37", 37)]
    [InlineData(Signal.RuntimeDefault, "SIGRTMIN+3", 37)]
    [InlineData(Signal.RuntimeDefault, "RTMAX-1", 63)]
    [InlineData(Signal.Sigusr1, "SIGINT", 10)]
    [InlineData(Signal.Sigrtminplus15, null, 49)]
    [InlineData(Signal.Sigrtmaxminus14, null, 50)]
    public void Request_then_image_then_sigterm(Signal requested, string? image, int number) =>
        Assert.Equal(number, StopSignals.Choose(requested, image));

    [Theory]
    [InlineData("0")]
    [InlineData("65")]
    [InlineData("-9")]
    [InlineData("SIGFOO")]
    [InlineData("SIGRTMIN+31")]
    [InlineData("SIGSIGTERM")]
    public void An_image_s_nonsense_is_refused(string image) =>
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => StopSignals.Choose(Signal.RuntimeDefault, image)).Code);

    [Fact]
    public void Every_signal_of_cri_has_a_number_and_comes_back()
    {
        foreach (var signal in Enum.GetValues<Signal>().Where(s => s != Signal.RuntimeDefault))
        {
            var number = StopSignals.Choose(signal, null);
            Assert.InRange(number, 1, 64);
            Assert.Equal(number, StopSignals.Choose(StopSignals.ToCri(number), null));
        }
    }
}
