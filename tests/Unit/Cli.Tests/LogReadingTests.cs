using System.Text;
using ShimRuntime.Cli.Logs;
using Xunit;

namespace ShimRuntime.Cli.Tests;

public class LogReadingTests
{
    [Theory]
    [InlineData("2026-01-02T03:04:05.123456789Z stdout F hello world", false, false, "hello world")]
    [InlineData("2026-01-02T03:04:05Z stderr P half", true, true, "half")]
    [InlineData("2026-01-02T03:04:05Z stdout F ", false, false, "")]
    public void A_cri_line_is_read(string text, bool stderr, bool partial, string content)
    {
        var line = CriLogLine.TryParse(Encoding.UTF8.GetBytes(text))!.Value;
        Assert.Equal((stderr, partial, content), (line.IsStderr, line.IsPartial, Encoding.UTF8.GetString(line.Content.Span)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("2026 stdxxx F a")]
    [InlineData("2026 stdout")]
    public void What_is_no_cri_line_is_passed_over(string text) => Assert.Null(CriLogLine.TryParse(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Lines_come_out_whole_whatever_the_blocks_are()
    {
        var text = string.Concat(Enumerable.Range(0, 500).Select(i => new string('x', i % 97) + i + "\n"));
        var bytes = Encoding.UTF8.GetBytes(text);
        var random = new Random(7);
        for (var round = 0; round < 50; round++)
        {
            var buffer = new LineBuffer(16);
            var got = new StringBuilder();
            for (var at = 0; at < bytes.Length;)
            {
                var free = buffer.Free;
                var count = Math.Min(Math.Min(free.Length, random.Next(1, 64)), bytes.Length - at);
                bytes.AsMemory(at, count).CopyTo(free);
                foreach (var line in buffer.Add(count)) got.Append(Encoding.UTF8.GetString(line.Span)).Append('\n');
                at += count;
            }

            Assert.Equal(text, got.ToString());
        }
    }
}
