using System.Text;
using ShimRuntime.Shim.Logging;
using Xunit;

namespace ShimRuntime.Shim.Tests.Logging;

public class LineSplitterTests
{
    private const int Max = LineSplitter.MaxLineBytes;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Max - 1)]
    [InlineData(Max)]
    public void A_line_up_to_the_maximum_is_one_full_line(int length)
    {
        var text = Encoding.ASCII.GetBytes(new string('x', length) + "\nrest");
        Assert.True(LineSplitter.TryNext(text, out var cut, out var consumed, out var partial));
        Assert.Equal((length, length + 1, false), (cut, consumed, partial));
    }

    [Fact]
    public void A_longer_line_is_cut_at_the_maximum_as_partial()
    {
        var text = Encoding.ASCII.GetBytes(new string('x', Max + 1) + "\n");
        Assert.True(LineSplitter.TryNext(text, out var cut, out var consumed, out var partial));
        Assert.Equal((Max, Max, true), (cut, consumed, partial));
        Assert.True(LineSplitter.TryNext(text.AsSpan(consumed), out cut, out consumed, out partial));
        Assert.Equal((1, 2, false), (cut, consumed, partial));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Max)]
    public void A_beginning_without_newline_is_held(int length) =>
        Assert.False(LineSplitter.TryNext(new byte[length], out _, out _, out _));
}
