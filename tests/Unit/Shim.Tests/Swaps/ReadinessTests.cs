using System.Text;
using ShimRuntime.Shim.Swaps.Readiness;
using Xunit;

namespace ShimRuntime.Shim.Tests.Swaps;

public class ReadinessTests
{
    [Theory]
    [InlineData("READY=1", true)]
    [InlineData("STATUS=up\nREADY=1\nMAINPID=7", true)]
    [InlineData("READY=1\n", true)]
    [InlineData("READY=0", false)]
    [InlineData("NOTREADY=1", false)]
    [InlineData("READY=11", false)]
    [InlineData("", false)]
    public void The_word_is_a_line_of_its_own(string datagram, bool says) => Assert.Equal(says, NotifyCheck.Says(Encoding.ASCII.GetBytes(datagram)));

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\n", 200)]
    [InlineData("HTTP/1.0 503 Unavailable", 503)]
    [InlineData("HTTP/1.1 204", 204)]
    [InlineData("HTTP/1.1 20", null)]
    [InlineData("HTTP/2.0 200 OK", null)]
    [InlineData("SSH-2.0-OpenSSH_9", null)]
    [InlineData("HTTP/1.1 2x0 OK", null)]
    public void A_status_line_is_read_as_far_as_it_is_there(string head, int? status) =>
        Assert.Equal(status, NetworkAttempt.StatusOf(Encoding.ASCII.GetBytes(head)));
}
