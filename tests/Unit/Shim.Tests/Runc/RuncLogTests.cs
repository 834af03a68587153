using System.Text;
using ShimRuntime.Shim.Runc;
using Xunit;

namespace ShimRuntime.Shim.Tests.Runc;

public class RuncLogTests
{
    [Theory]
    [InlineData("", null)]
    [InlineData("{\"level\":\"warning\",\"msg\":\"w\"}\n", null)]
    [InlineData("{\"level\":\"error\",\"msg\":\"first\",\"time\":\"t\"}\n{\"level\":\"error\",\"msg\":\"last\"}\n{\"level\":\"info\",\"msg\":\"i\"}\n", "last")]
    [InlineData("cut\":\"x\"}\n{\"msg\":\"exec: \\\"/nope\\\"\",\"level\":\"error\"}\n{\"level\":\"err", "exec: \"/nope\"")]
    [InlineData("{\"level\":7,\"msg\":[\"a\"]}\n[]\nnull\n", null)]
    public void The_last_error_line_is_found(string log, string? expected) =>
        Assert.Equal(expected, RuncLog.LastError(Encoding.UTF8.GetBytes(log)));

    [Fact]
    public void A_huge_message_is_cut() =>
        Assert.Equal(2048,
            RuncLog.LastError(Encoding.UTF8.GetBytes($"{{\"level\":\"error\",\"msg\":\"{new string('x', 50_000)}\"}}"))!.Length);
}
