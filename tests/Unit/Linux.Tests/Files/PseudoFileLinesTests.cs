using Xunit;

namespace ShimRuntime.Linux.Tests.Files;

public sealed class PseudoFileLinesTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Wanted_lines_are_found_wherever_they_lie_in_what_is_read_at_once()
    {
        var lines = Enumerable.Range(0, 2_000).Select(i => i % 7 == 0 ? $"wanted {new string('w', i % 300)} {i}" : $"other {new string('o', i % 500)} {i}").ToList();
        File.WriteAllText(_path, string.Join('\n', lines) + "\n");
        Assert.Equal(string.Concat(lines.Where(l => l.StartsWith("wanted", StringComparison.Ordinal)).Select(l => l + "\n")), PseudoFile.LinesWith(_path, "wanted"u8));
    }

    [Theory]
    [InlineData(8_190, true)]
    [InlineData(8_191, true)]
    [InlineData(8_192, false)]
    [InlineData(8_193, false)]
    [InlineData(50_000, false)]
    public void A_line_that_is_too_long_is_left_out_and_hides_no_other(int length, bool isThere)
    {
        var line = "wanted".PadRight(length, 'x');
        File.WriteAllText(_path, $"wanted 1\n{line}\nwanted 2\n");
        Assert.Equal(isThere ? $"wanted 1\n{line}\nwanted 2\n" : "wanted 1\nwanted 2\n", PseudoFile.LinesWith(_path, "wanted"u8));
    }

    [Fact]
    public void Of_no_file_and_of_no_such_line_there_is_nothing()
    {
        Assert.Equal("", PseudoFile.LinesWith(_path + "-none", "a"u8));
        Assert.Equal("", PseudoFile.LinesWith(_path, "a"u8));
    }
}
