using ShimRuntime.Daemon.Configuration;
using ShimRuntime.Runtime.Swap;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class ConfigFileTests
{
    [Fact]
    public void Every_key_is_read_onto_the_defaults()
    {
        var config = Parse("""
            root = "/a/lib/"        # a trailing slash is nothing
            state = "/a/run"
            listen = "unix:///a/run/cri.sock"
            log_level = "debug"
            netns_dir = "/a/netns"
            cgroup_driver = "cgroupfs"
            cgroup_root = "/mine"
            allowed_sysctls = ["net.*"]
            seccomp_default = false
            cni_conf_dir = "/a/cni"
            cni_bin_dir = ["/a/bin", "/b/bin"]
            cni_timeout_seconds = 5
            registry_config_dir = ""
            concurrent_layers = 3
            stall_timeout_seconds = 7
            pinned_images = ["docker.io/library/busybox:1"]
            runc_path = "/a/runc"
            runc_timeout_seconds = 8
            shim_path = "/a/shim"
            shim_call_timeout_seconds = 9
            """);
        Assert.Equal("/a/lib", config.Root);
        Assert.Equal("/a/run/cri.sock", config.SocketPath);
        Assert.Equal(Microsoft.Extensions.Logging.LogLevel.Debug, config.LogLevel);
        var runtime = config.ToRuntimeOptions();
        Assert.Equal(("/a/lib", "/a/run", "/a/netns", "/a/cni"), (runtime.Root, runtime.State, runtime.NetnsDirectory, runtime.CniConfDirectory));
        Assert.Equal(["/a/bin", "/b/bin"], runtime.CniBinDirectories);
        Assert.Equal(["net.*"], runtime.AllowedSysctls);
        Assert.False(runtime.SeccompDefault);
        Assert.Equal(("/a/runc", "/a/shim", "/mine"), (runtime.RuncPath, runtime.ShimPath, runtime.CgroupRoot));
        Assert.Equal((5, 8, 9), (runtime.CniTimeout.Seconds, runtime.RuncTimeout.Seconds, runtime.ShimCallTimeout.Seconds));
        var images = config.ToImageOptions();
        Assert.Equal(("/a/lib", "", 3, 7), (images.Root, images.RegistryConfigDirectory, images.ConcurrentLayers, images.StallTimeout.Seconds));
        Assert.Equal(["docker.io/library/busybox:1"], images.PinnedImages);
    }

    [Fact]
    public void Runtime_handlers_are_tables()
    {
        var handlers = Parse("""
            root = "/a/lib"
            [runtimes.crun]
            path = "/usr/bin/crun"
            [runtimes.gpu]
            path = "/opt/runc"
            arguments = ["--debug"]
            allowed_annotations = ["run.oci.*"]
            """).ToRuntimeOptions().Handlers;
        Assert.Equal([("crun", "/usr/bin/crun"), ("gpu", "/opt/runc")], handlers.Select(h => (h.Name, h.Path)));
        Assert.Equal(["--debug"], handlers[1].Arguments);
        Assert.Equal(["run.oci.*"], handlers[1].AllowedAnnotations);
    }

    [Fact]
    public void Hot_swap_is_a_table_and_one_for_each_handler()
    {
        var runtime = Parse("""
            [hotswap]
            allow = ["ready", "drain"]
            images = "repository"
            [hotswap.runc]
            images = "none"
            swaps_per_minute = 3
            """).ToRuntimeOptions();
        Assert.Equal((SwapImages.Repository, 12), (runtime.HotSwap.Images, runtime.HotSwap.SwapsPerMinute));
        Assert.Equal(["ready", "drain"], runtime.HotSwap.Allow);
        var runc = Assert.Single(runtime.HotSwapOfHandlers);
        Assert.Equal(("runc", SwapImages.None, 3), (runc.Key, runc.Value.Images, runc.Value.SwapsPerMinute));
        Assert.True(runc.Value.Allows("ready"));
        Assert.Equal(SwapImages.Digest, Parse("").ToRuntimeOptions().HotSwap.Images);
    }

    [Theory]
    [InlineData("[hotswap]\nimages = \"all\"\n", "f.toml:2: hotswap.images: 'all' is none of none, digest, repository, any")]
    [InlineData("[hotswap]\nalow = []\n", "f.toml:2: hotswap.alow: unknown key; the nearest known one is 'allow'")]
    [InlineData("[hotswap.runc]\nallow = [\"\"]\n", "f.toml:2: hotswap.runc.allow: an empty key names no annotation")]
    [InlineData("[hotswap]\nswaps_per_minute = 601\n", "f.toml:2: hotswap.swaps_per_minute: 601 is out of range")]
    [InlineData("hotswap = 1\n", "f.toml:1: hotswap is a table")]
    [InlineData("[runtimes.a]\n", "f.toml:1: runtimes.a has no path")]
    [InlineData("[runtimes.a]\npath = \"runc\"\n", "f.toml:2: runtimes.a.path: 'runc' is not an absolute path")]
    [InlineData("[runtimes.a]\npth = \"/runc\"\n", "f.toml:2: runtimes.a.pth: unknown key; the nearest known one is 'path'")]
    [InlineData("[runtimes.A]\npath = \"/runc\"\n", "runtimes.A: a handler's name has a-z, 0-9 and '-'")]
    [InlineData("[runtimes.a]\npath = \"/r\"\narguments = [\"--root=/x\"]\n", "f.toml:3: runtimes.a.arguments: '--root=/x' is set by the daemon itself")]
    [InlineData("[runtimes.a]\npath = \"/r\"\nallowed_annotations = [\"*\"]\n", "would allow every annotation")]
    [InlineData("runtimes = 3\n", "f.toml:1: runtimes is made of tables: [runtimes.NAME]")]
    [InlineData("\n\nnetns_dri = \"/a\"\n", "f.toml:3: unknown key 'netns_dri'; the nearest known one is 'netns_dir'")]
    [InlineData("[cni]\nconf_dir = \"/a\"\n", "f.toml:1: unknown key 'cni'")]
    [InlineData("cni.conf_dir = \"/a\"\n", "f.toml:1: unknown key 'cni'")]
    [InlineData("root = \"/a\"\nroot = \"/b\"\n", "f.toml:2: key 'root' stands in line 1 already")]
    [InlineData("root = 3\n", "f.toml:1: root: the value has to be a string")]
    [InlineData("cni_bin_dir = [1]\n", "f.toml:1: cni_bin_dir: the value has to be an array of strings")]
    [InlineData("cni_bin_dir = []\n", "f.toml:1: cni_bin_dir: the list is empty")]
    [InlineData("concurrent_layers = 0\n", "f.toml:1: concurrent_layers: 0 is out of range; use 1 to 64")]
    [InlineData("concurrent_layers = \"6\"\n", "f.toml:1: concurrent_layers: the value has to be a whole number")]
    [InlineData("seccomp_default = 1\n", "f.toml:1: seccomp_default: the value has to be true or false")]
    [InlineData("root = \"lib\"\n", "f.toml:1: root: 'lib' is not an absolute path")]
    [InlineData("root = \"/a/../b\"\n", "'.' or '..'")]
    [InlineData("root = \"/\"\n", "give a directory of its own")]
    [InlineData("listen = \"tcp://0.0.0.0:1\"\n", "f.toml:1: listen: 'tcp://0.0.0.0:1' is not of the form unix:///PATH")]
    [InlineData("log_level = \"loud\"\n", "use trace, debug, info, warn, error")]
    [InlineData("cgroup_driver = \"cgroup\"\n", "'cgroup' is no cgroup driver")]
    [InlineData("root = \n", "f.toml(1,8)")]
    [InlineData("root = \"/a\n", "not TOML")]
    public void A_wrong_file_is_refused_with_its_place(string text, string expected)
    {
        var error = Assert.Throws<ConfigException>(() => Parse(text));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_path_that_the_kernel_would_cut_is_refused()
    {
        var error = Assert.Throws<ConfigException>(() => Parse($"listen = \"unix:///{new string('a', 107)}\"\n"));
        Assert.Contains("108 bytes; a Unix socket's has at most 107", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_said()
    {
        var error = Assert.Throws<ConfigException>(() => ConfigFile.Read("/nowhere/c.toml", new DaemonConfig()));
        Assert.Contains("/nowhere/c.toml: can't be read", error.Message, StringComparison.Ordinal);
    }

    private static DaemonConfig Parse(string text) => ConfigFile.Parse("f.toml", text, new DaemonConfig());
}
