using System.Text;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Shims;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Shims;

/// <summary>What comes from the binary on disk before it serves: text reaches the client as it is, anything else is described.</summary>
public sealed class ShimSentenceTests
{
    private const string Path = "/opt/shimruntime-shim";

    [Theory]
    [InlineData("", null)]
    [InlineData(" \n", null)]
    [InlineData(" it has ended \n", "it has ended")]
    [InlineData("größer", "größer")]
    [InlineData("two\nlines", null)]
    [InlineData("\u001b[31mred", null)]
    [InlineData("a\0b", null)]
    public void Only_a_line_of_text_is_a_sentence(string bytes, string? sentence) =>
        Assert.Equal(sentence, ShimSentence.TryRead(Encoding.UTF8.GetBytes(bytes)));

    [Fact]
    public void Bytes_that_are_not_utf8_are_described() =>
        Assert.Equal((null, "9 bytes (ff00000000000000…)"), (ShimSentence.TryRead([255]), ShimSentence.Describe([255, 0, 0, 0, 0, 0, 0, 0, 0])));

    [Fact]
    public void The_last_line_of_a_log_is_found_and_of_none_there_is_none()
    {
        var path = System.IO.Path.GetTempFileName();
        Assert.Null(ShimSentence.LastOf(path));
        File.WriteAllText(path, new string('x', 2000) + "\nsecond\nthe last\n");
        Assert.Equal("the last", ShimSentence.LastOf(path));
        File.Delete(path);
        Assert.Null(ShimSentence.LastOf(path));
    }

    [Theory]
    [InlineData("00", true)]
    [InlineData("", false)]
    [InlineData("0000", false)]
    [InlineData("01", false)]
    [InlineData("0061", false)]
    public void A_pod_init_is_ready_by_one_zero_byte_and_nothing_else(string hex, bool ready) =>
        Assert.Equal(ready, PodInitReport.IsReady(Convert.FromHexString(hex)));

    [Theory]
    [InlineData("", 64, "the pod init '/opt/shimruntime-shim' ended before it was ready (exit code 64); ")]
    [InlineData("", -1, "the pod init '/opt/shimruntime-shim' ended before it was ready (killed); ")]
    [InlineData("0000", 0, "'/opt/shimruntime-shim' answers as no pod init of this release does, with 1 bytes (00); ")]
    [InlineData("c3", 0, "'/opt/shimruntime-shim' answers as no pod init of this release does, with 1 bytes (c3); ")]
    [InlineData("6e6f0a", 1, "the pod init could not start: no")]
    [InlineData("006e6f", 1, "the pod init could not start: no")]
    public void Why_there_is_no_pod_init(string hex, int code, string sentence) => Assert.StartsWith(
        sentence, PodInitReport.Explain(Convert.FromHexString(hex), Path, code < 0 ? null : new ExitCode(code, 0)), StringComparison.Ordinal);
}
