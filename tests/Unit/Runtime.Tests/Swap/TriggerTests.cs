using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Swap.Triggers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Swap;

public class TriggerTests
{
    [Fact]
    public void The_words_are_the_options_of_shimctl_swap()
    {
        var words = TriggerWords.Parse("""
            id=v7 image=registry.example/app@sha256:ab level=L2
              env=A=1 env="GREETING=say \"hi\" = \\ ok" env='B=two words' unset-env=C
            command=/bin/app arg=--x arg='' workdir=/w rootfs=fresh ready=http:80/z drain=1.5 drain-signal=3 probation=0 expect=4 keep-new
            """);
        var request = words!.Request;
        Assert.Equal(("v7", Level.L2, Rootfs.Fresh, OnFailure.KeepNew, 4u, 0L),
            (request.RequestId, request.Level, request.Rootfs, request.OnFailure, request.ExpectedGeneration, request.ProbationMilliseconds));
        Assert.Equal((80u, "/z", 3, 1500L), (request.Ready.Port, request.Ready.Path, request.Drain.Signal, request.Drain.TimeoutMilliseconds));
        var patch = request.Patch;
        Assert.Equal(["A=1", "GREETING=say \"hi\" = \\ ok", "B=two words"], patch.Env.Select(e => $"{e.Name}={e.Value}"));
        Assert.Equal(("registry.example/app@sha256:ab", "/w", "C"), (patch.Image, patch.WorkingDir, Assert.Single(patch.UnsetEnv)));
        Assert.Equal(["/bin/app"], patch.Command.Values);
        Assert.Equal(["--x", ""], patch.Args.Values);
        Assert.False(words.IsRollback);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n\t")]
    public void No_word_asks_for_nothing(string text) => Assert.Null(TriggerWords.Parse(text));

    [Fact]
    public void A_rollback_stands_alone()
    {
        Assert.True(TriggerWords.Parse(" rollback\n")!.IsRollback);
        Assert.Contains("stands alone", Refusal("rollback env=A=1"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("privileged=true", "'privileged'")]
    [InlineData("image", "key=value")]
    [InlineData("env=A", "'env'")]
    [InlineData("level=L9", "'L9'")]
    [InlineData("env=\"A=1", "closing \"")]
    [InlineData("drain-signal=-1", "'-1'")]
    [InlineData("keep-new=no", "'keep-new'")]
    public void Other_words_are_refused_by_name(string text, string named) => Assert.Contains(named, Refusal(text), StringComparison.Ordinal);

    [Theory]
    [InlineData("/etc/podinfo/swap", "/host/volume", "swap")]
    [InlineData("/etc/podinfo/deep//a", "/host/volume", "deep/a")]
    [InlineData("/etc/podinfo/inner/b", "/host/inner", "b")] // the mount that is on top
    public void The_file_is_found_below_the_mounts_source(string path, string directory, string name) =>
        Assert.Equal(new TriggerFile(directory, name), TriggerFile.Find(path, Config()));

    [Theory]
    [InlineData("/etc/other/swap", "none of the container's mounts")]
    [InlineData("/etc/podinfo", "none of the container's mounts")]
    [InlineData("/writable/swap", "read-only")]
    [InlineData("relative", "relative")]
    public void Where_no_file_can_be_the_reason_is_told(string path, string why) =>
        Assert.Contains(why, Assert.Throws<RuntimeFault>(() => TriggerFile.Find(path, Config())).Message, StringComparison.Ordinal);

    [Fact]
    public void Whoever_may_write_there_is_found()
    {
        var file = new TriggerFile("/host/volume", "swap");
        Assert.False(file.IsWritableBy(Config()));
        foreach (var source in (string[])["/", "/host", "/host/volume", "/host/volume/..data", "/host//volume/"])
            Assert.True(file.IsWritableBy(new ContainerConfig { Mounts = { new Mount { HostPath = source, ContainerPath = "/x" } } }), source);
        Assert.False(file.IsWritableBy(new ContainerConfig { Mounts = { new Mount { HostPath = "/host/volumes", ContainerPath = "/x" } } }));
    }

    [Fact]
    public void A_link_out_of_the_volume_a_device_and_a_flood_are_not_read()
    {
        var directory = Directory.CreateTempSubdirectory("shimruntime-").FullName;
        try
        {
            Assert.Equal("", new TriggerFile(directory, "missing").Read());
            File.CreateSymbolicLink(Path.Combine(directory, "out"), "/etc/hostname");
            File.CreateSymbolicLink(Path.Combine(directory, "up"), "../../etc/hostname");
            File.WriteAllBytes(Path.Combine(directory, "flood"), new byte[TriggerFile.MostBytes + 1]);
            Directory.CreateDirectory(Path.Combine(directory, "dir"));
            foreach (var name in (string[])["out", "up", "flood", "dir"]) Assert.Throws<RuntimeFault>(() => new TriggerFile(directory, name).Read());
            Directory.CreateDirectory(Path.Combine(directory, "..2026"));
            File.WriteAllText(Path.Combine(directory, "..2026/swap"), "env=A=1");
            File.CreateSymbolicLink(Path.Combine(directory, "..data"), "..2026");
            File.CreateSymbolicLink(Path.Combine(directory, "swap"), "..data/swap");
            Assert.Equal("env=A=1", new TriggerFile(directory, "swap").Read()); // as kubelet lays it out
        }
        finally
        {
            Directory.Delete(directory, true);
        }
    }

    private static string Refusal(string text) => Assert.Throws<RuntimeFault>(() => TriggerWords.Parse(text)).Message;

    private static ContainerConfig Config() => new()
    {
        Mounts =
        {
            new Mount { HostPath = "/host/volume", ContainerPath = "/etc/podinfo/", Readonly = true },
            new Mount { HostPath = "/host/inner", ContainerPath = "/etc/podinfo/inner", Readonly = true },
            new Mount { HostPath = "/host/writable", ContainerPath = "/writable" },
        },
    };
}
