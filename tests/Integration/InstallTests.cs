using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>make install and make uninstall, for a packager's DESTDIR.</summary>
public sealed class InstallTests : IDisposable
{
    private readonly string _destination = Directory.CreateTempSubdirectory("srt-install-").FullName;

    public void Dispose() => Directory.Delete(_destination, true);

    [Fact]
    public async Task WhatIsInstalledLoadsAndWhatIsTheOperatorsStays()
    {
        await InstallAsync("install");
        var config = At("etc/shimruntime/config.toml");
        foreach (var binary in new[] { "shimruntimed", "shimruntime-shim", "shimctl" }) Assert.Equal("755", await ModeAsync(At($"usr/bin/{binary}")));
        Assert.Equal("644", await ModeAsync(config));
        Assert.Contains("unix:///run/shimruntime/shimruntime.sock", await File.ReadAllTextAsync(At("etc/crictl.yaml")), StringComparison.Ordinal);

        var check = await Command.RunAsync(
            At("usr/bin/shimruntimed"), ["--config", config, "--root", At("root"), "--state", At("state"), "--listen", $"unix://{At("cri.sock")}", "--check"]);
        Assert.True(check.ExitCode == 0, check.Output + check.Error);
        Assert.Contains($"root {At("root")}", check.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("root")), "--check has made its root");

        // An upgrade keeps the operator's settings and puts the new ones beside them; a removal leaves settings and state.
        await File.WriteAllTextAsync(config, "log_level = \"warn\"\n");
        Directory.CreateDirectory(At("var/lib/shimruntime/images"));
        await InstallAsync("install");
        Assert.Equal("log_level = \"warn\"\n", await File.ReadAllTextAsync(config));
        Assert.True(File.Exists(config + ".new"));
        await InstallAsync("uninstall");
        Assert.Empty(Directory.GetFiles(At("usr/bin")));
        Assert.False(File.Exists(Unit));
        Assert.Equal("log_level = \"warn\"\n", await File.ReadAllTextAsync(config));
        Assert.True(Directory.Exists(At("var/lib/shimruntime/images")));
        await InstallAsync("uninstall");
    }

    /// <summary>systemd.unit(5) and its kin, as far as a unit of ours can be wrong: sections, keys, what a restart must not end.</summary>
    [Fact]
    public async Task TheUnitIsWhatSystemdReads()
    {
        await InstallAsync("install");
        var keys = Read(await File.ReadAllLinesAsync(Unit));
        Assert.Equal(["Install", "Service", "Unit"], keys.Select(k => k.Section).Distinct().Order());
        string Value(string section, string key) => Assert.Single(keys, k => (k.Section, k.Key) == (section, key)).Value;
        Assert.Equal("/usr/bin/shimruntimed", Value("Service", "ExecStart").Split(' ')[0]);
        Assert.True(File.Exists(At(Value("Service", "ExecStart").Split(' ')[0][1..])));
        Assert.Equal(("notify", "process", "yes"), (Value("Service", "Type"), Value("Service", "KillMode"), Value("Service", "Delegate")));
        Assert.Equal("multi-user.target", Value("Install", "WantedBy"));
        Assert.DoesNotContain(keys, k => k.Value.Contains('@') || k.Key is "PrivateMounts" or "PrivateTmp" or "ProtectSystem" or "PrivateNetwork");
    }

    private string Unit => At("etc/systemd/system/shimruntime.service");

    private static List<(string Section, string Key, string Value)> Read(string[] lines)
    {
        var keys = new List<(string, string, string)>();
        var section = "";
        foreach (var line in lines.Where(l => l.Length > 0 && l[0] is not ('#' or ';')))
        {
            if (line.StartsWith('['))
            {
                Assert.EndsWith("]", line, StringComparison.Ordinal);
                section = line[1..^1];
                continue;
            }

            var equals = line.IndexOf('=', StringComparison.Ordinal);
            Assert.True(section.Length > 0 && equals > 0 && line[..equals].All(char.IsAsciiLetterOrDigit), $"no setting: '{line}'");
            keys.Add((section, line[..equals], line[(equals + 1)..]));
        }

        return keys;
    }

    private static async Task<string> ModeAsync(string path) => (await Command.ShellAsync($"stat -c %a {path}")).Trim();

    private string At(string path) => Path.Combine(_destination, path);

    private Task InstallAsync(string action) => Command.ShellAsync($"{Path.Combine(Installation.RepositoryRoot, "eng/install.sh")} {action} {_destination} /usr");
}
