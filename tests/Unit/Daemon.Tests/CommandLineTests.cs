using ShimRuntime.Daemon.Configuration;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class CommandLineTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("shimruntime-test-").FullName;

    [Fact]
    public void Flags_override_the_file()
    {
        var file = Write("root = \"/file/lib\"\nstate = \"/file/run\"\ncni_bin_dir = [\"/file/bin\"]\n");
        var config = CommandLine.Parse(["--state=/flag/run", "--config", file, "--cni-bin-dir", "/one", "--cni-bin-dir", "/two"]).Load();
        Assert.Equal("/file/lib", config.Root);
        Assert.Equal("/flag/run", config.State);
        Assert.Equal(["/one", "/two"], config.CniBinDirectories);
    }

    [Fact]
    public void Every_flag_of_the_keys_is_taken()
    {
        foreach (var key in ConfigKeys.All.Where(k => k.Flag is not null))
        {
            var value = key.Name switch { "listen" => "unix:///x/y.sock", "log_level" => "warning", _ => "/x/y" };
            var shown = key.Show(CommandLine.Parse([key.Flag!, value]).Load());
            Assert.Contains(value == "warning" ? "warn" : value, shown, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("unknown flag '--stat'; the nearest known one is '--state'", "--stat", "/x")]
    [InlineData("unknown flag '--chek'; the nearest known one is '--check'", "--chek")]
    [InlineData("unknown flag 'serve'", "serve")]
    [InlineData("--root: a value has to follow", "--root")]
    [InlineData("--root: 'x' is not an absolute path", "--root", "x")]
    [InlineData("have to be apart", "--root", "/a", "--state", "/a")]
    [InlineData("have to be apart", "--root", "/a/b", "--state", "/a")]
    [InlineData("the shims' socket paths would not fit", "--state", "/01234567890123456789012345678901234567890123456789012345678901234567890123456789")]
    public void Wrong_flags_are_refused_with_a_sentence(string expected, params string[] arguments)
    {
        var error = Assert.Throws<ConfigException>(() => CommandLine.Parse(arguments).Load());
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_asked_for_is_told_from_serving()
    {
        Assert.Equal(Invocation.Serve, CommandLine.Parse([]).Invocation);
        Assert.Equal(Invocation.Check, CommandLine.Parse(["--check", "--root", "/a"]).Invocation);
        Assert.Equal(Invocation.Help, CommandLine.Parse(["--check", "--help"]).Invocation);
        Assert.Equal(Invocation.Version, CommandLine.Parse(["--version"]).Invocation);
    }

    public void Dispose() => Directory.Delete(_directory, true);

    private string Write(string text)
    {
        var path = Path.Combine(_directory, "config.toml");
        File.WriteAllText(path, text);
        return path;
    }
}
