using System.Runtime.CompilerServices;
using ShimRuntime.Daemon.Configuration;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

/// <summary>What `make install` puts on a node, and what docs say, against the keys that there are.</summary>
public sealed class InstalledConfigTests
{
    [Fact]
    public void The_installed_file_shows_every_key_with_its_default()
    {
        var lines = File.ReadAllLines(Path.Combine(Root(), "eng/install/config.toml"));
        var shown = lines.Where(l => l.StartsWith('#') && !l.StartsWith("# "
            + "", StringComparison.Ordinal) && l.Length > 1).Select(l => l[1..]).ToArray();
        Assert.Equal(ConfigKeys.All.Select(k => $"{k.Name} = {k.Show(new DaemonConfig())}").Order(), shown.Order());
        Assert.Equivalent(new DaemonConfig(), ConfigFile.Parse("config.toml", string.Join('\n', shown), new DaemonConfig()));
    }

    [Fact]
    public void The_documentation_names_every_key_and_flag()
    {
        var text = File.ReadAllText(Path.Combine(Root(), "docs/configuration.md"));
        foreach (var key in ConfigKeys.All)
        {
            Assert.Contains($"`{key.Name}`", text, StringComparison.Ordinal);
            if (key.Flag is not null) Assert.Contains($"`{key.Flag}`", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Help_names_every_key_and_flag()
    {
        var help = HelpText.Render();
        foreach (var key in ConfigKeys.All) Assert.Contains(key.Flag ?? key.Name, help, StringComparison.Ordinal);
    }

    private static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "../../.."));
}
