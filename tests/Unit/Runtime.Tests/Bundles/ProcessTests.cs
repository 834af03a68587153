using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

public sealed class ProcessTests : IDisposable
{
    private readonly SpecFixture _spec = new();

    public void Dispose() => _spec.Dispose();

    [Fact]
    public void Nothing_to_run_is_refused()
    {
        _spec.Image = new ImageConfig();
        _spec.Refuses("command is empty");
        _spec.Image = new ImageConfig { Entrypoint = [""] };
        _spec.Refuses("command is empty");
        _spec.Image = new ImageConfig { Entrypoint = ["", "x"] };
        _spec.Refuses("names an empty executable");
    }

    [Fact]
    public void An_entrypoint_that_is_cleared_leaves_the_cmd()
    {
        _spec.Image = new ImageConfig { Entrypoint = [""], Cmd = ["/cmd"] };
        Assert.Equal(["/cmd"], _spec.Build().Spec.Process.Args);
    }

    [Fact]
    public void Arguments_have_no_nul_and_fit_execve()
    {
        _spec.Config.Command.Add(["/bin/x", "a\0b"]);
        _spec.Refuses("command[1] contains a NUL byte");
        _spec.Config.Command.Clear();
        _spec.Config.Args.Add(new string('x', 131_072));
        _spec.Refuses("args[0] is longer than 131071 bytes");
    }

    [Fact]
    public void Environment_values_are_any_text_without_nul()
    {
        Env("MULTI", "line\nbreak=: \"quoted\" grüß 🚀"u8);
        Assert.Contains("MULTI=line\nbreak=: \"quoted\" grüß 🚀", _spec.Build().Spec.Process.Env);
        Env("BAD", [0xff, 0xfe]);
        _spec.Refuses("envs[1].value of 'BAD' is not UTF-8");
        _spec.Config.Envs.RemoveAt(1);
        Env("NUL", "a\0b"u8);
        _spec.Refuses("envs[1].value of 'NUL' contains a NUL byte");
    }

    [Theory]
    [InlineData("")]
    [InlineData("A=B")]
    [InlineData("A\0")]
    public void Environment_names_are_names(string key)
    {
        Env(key, "x"u8);
        _spec.Refuses("envs[0].key");
    }

    [Fact]
    public void A_name_without_value_in_the_image_takes_the_default_away()
    {
        _spec.Image = _spec.Image with { Env = ["HOSTNAME", "A=1", "A=2"] };
        Assert.Equal(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=2"], _spec.Build().Spec.Process.Env);
    }

    [Theory]
    [InlineData("relative")]
    [InlineData("/a/../b")]
    [InlineData("/a\0b")]
    [InlineData("/proc/self/fd/7")]
    [InlineData("/proc/self/fd/7/../../..")]
    [InlineData("//proc/./thread-self/cwd")]
    [InlineData("/proc/1/root")]
    [InlineData("/link/sub")]
    [InlineData("/link2")]
    public void A_working_directory_outside_the_container_is_refused(string path)
    {
        _spec.Rootfs.Link("/link", "/proc/self/fd/7");
        _spec.Rootfs.Link("/link2", "usr/../link");
        Directory.CreateDirectory(_spec.Rootfs.Path + "/usr");
        _spec.Config.WorkingDir = path;
        _spec.Refuses("working_dir");
    }

    [Theory]
    [InlineData("/srv//app/.", "/srv/app")]
    [InlineData("/", "/")]
    [InlineData("/procedures/self", "/procedures/self")]
    public void A_working_directory_is_cleaned(string given, string clean)
    {
        _spec.Config.WorkingDir = given;
        Assert.Equal(clean, _spec.Build().Spec.Process.Cwd);
    }

    [Fact]
    public void A_loop_of_links_ends()
    {
        _spec.Rootfs.Link("/a", "/b");
        _spec.Rootfs.Link("/b", "/a");
        _spec.Config.WorkingDir = "/a";
        _spec.Refuses("loop");
    }

    [Fact]
    public void An_exec_changes_the_arguments_alone()
    {
        _spec.Context.RunAsUser = new Int64Value { Value = 1000 };
        _spec.Context.NoNewPrivs = true;
        var spec = _spec.Build().Spec;
        Assert.Equal(spec.Process with { Args = ["ls"] }, ExecSpec.Process(spec, ["ls"]) with { Args = ["ls"] }, (a, b) =>
            System.Text.Encoding.UTF8.GetString(RuntimeJson.Serialize(a)) == System.Text.Encoding.UTF8.GetString(RuntimeJson.Serialize(b)));
        Assert.Contains("TERM=xterm", ExecSpec.Process(spec, ["sh"], tty: true).Env);
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => ExecSpec.Process(spec, [])).Code);
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => ExecSpec.Process(spec, ["a\0"])).Code);
    }

    [Fact]
    public void A_spec_survives_its_json()
    {
        var json = RuntimeJson.Serialize(_spec.Build().Spec);
        Assert.Equal(json, RuntimeJson.Serialize(RuntimeJson.ReadSpec(json)));
    }

    private void Env(string key, ReadOnlySpan<byte> value) =>
        _spec.Config.Envs.Add(new KeyValue { Key = key, Value = ByteString.CopyFrom(value) });
}
