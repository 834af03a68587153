using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using Xunit;
using ProfileType = ShimRuntime.Cri.V1.SecurityProfile.Types.ProfileType;

namespace ShimRuntime.Runtime.Tests.Bundles;

public sealed class SecurityTests : IDisposable
{
    private readonly SpecFixture _spec = new();

    public void Dispose() => _spec.Dispose();

    [Theory]
    [InlineData("ALL", "CHOWN", 40, "CAP_CHOWN", false)]
    [InlineData("CHOWN", "ALL", 1, "CAP_CHOWN", true)]
    [InlineData("all", "all", 0, "CAP_CHOWN", false)]
    [InlineData("cap_net_admin", "", 15, "CAP_NET_ADMIN", true)]
    [InlineData("", "NET_RAW", 13, "CAP_NET_RAW", false)]
    [InlineData("SYS_TIME", "SYS_TIME", 14, "CAP_SYS_TIME", false)]
    public void Adds_and_drops_work_together(string add, string drop, int count, string capability, bool has)
    {
        _spec.Context.Capabilities = new Capability();
        if (add.Length > 0) _spec.Context.Capabilities.AddCapabilities.Add(add);
        if (drop.Length > 0) _spec.Context.Capabilities.DropCapabilities.Add(drop);
        var sets = _spec.Build().Spec.Process.Capabilities!;
        Assert.Equal(count, sets.Bounding.Count);
        Assert.Equal(has, sets.Bounding.Contains(capability));
        Assert.Empty(sets.Inheritable);
        Assert.Equal(sets.Bounding, sets.Effective);
    }

    [Fact]
    public void Annotations_reach_the_runtime_only_when_the_handler_allows_them_and_never_as_ours()
    {
        _spec.Pod.Annotations["org.systemd.property.ExecStart"] = "x";
        _spec.Pod.Annotations["run.oci.keep"] = "of the pod";
        _spec.Config.Annotations["run.oci.keep"] = "of the container";
        _spec.Config.Annotations["io.kubernetes.cri.sandbox-id"] = "another";
        Assert.DoesNotContain("run.oci.keep", _spec.Build().Spec.Annotations!.Keys);

        _spec.Handler = new HandlerFeatures { AllowedAnnotations = ["run.oci.*", "io.kubernetes.cri.sandbox-id"] };
        var annotations = _spec.Build().Spec.Annotations!;
        Assert.Equal("of the container", annotations["run.oci.keep"]);
        Assert.Equal(TestSandbox.Id, annotations["io.kubernetes.cri.sandbox-id"]);
        Assert.DoesNotContain("org.systemd.property.ExecStart", annotations.Keys);
    }

    [Fact]
    public void Unknown_capabilities_are_refused_and_so_are_those_beyond_the_node()
    {
        _spec.Context.Capabilities = new Capability { DropCapabilities = { "FLY" } };
        _spec.Refuses("drop_capabilities 'FLY'");
        _spec.Context.Capabilities = new Capability { AddCapabilities = { "SYS_RESOURCE" } };
        _spec.Host.Facts = _spec.Host.Facts with { Capabilities = CapabilityNames.Default.ToHashSet() };
        _spec.Refuses("CAP_SYS_RESOURCE", FaultCode.FailedPrecondition);
    }

    [Fact]
    public void Privileged_needs_a_privileged_pod()
    {
        _spec.Context.Privileged = true;
        _spec.Refuses("privileged");
    }

    [Theory]
    [InlineData("")]
    [InlineData("relative.json")]
    [InlineData("/a/../etc/x.json")]
    [InlineData("/missing.json")]
    [InlineData("/broken.json")]
    [InlineData("/action.json")]
    [InlineData("/listener.json")]
    [InlineData("/argument.json")]
    [InlineData("/null.json")]
    public void A_localhost_seccomp_profile_that_is_none_is_refused(string reference)
    {
        _spec.Host.Files["/broken.json"] = "{";
        _spec.Host.Files["/null.json"] = """{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":null,"action":"SCMP_ACT_ALLOW"}]}""";
        _spec.Host.Files["/action.json"] = """{"defaultAction":"SCMP_ACT_NOTIFY"}""";
        _spec.Host.Files["/listener.json"] = """{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/run/x.sock"}""";
        _spec.Host.Files["/argument.json"] =
            """{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}]}""";
        _spec.Context.Seccomp = new SecurityProfile { ProfileType = ProfileType.Localhost, LocalhostRef = reference };
        _spec.Refuses("linux.security_context.seccomp");
    }

    [Theory]
    [InlineData("\"architectures\":[\"SCMP_ARCH_Z80\"]", "unknown architecture 'SCMP_ARCH_Z80'")]
    [InlineData("\"architectures\":[null]", "unknown architecture ''")]
    [InlineData("\"flags\":[\"SECCOMP_FILTER_FLAG_NEW\"]", "unknown flag 'SECCOMP_FILTER_FLAG_NEW'")]
    [InlineData("\"architectures\":[\"SCMP_ARCH_X86\"],\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\"}]", "both architectures and archMap")]
    [InlineData("\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"x\"]}]", "unknown architecture 'x'")]
    [InlineData("\"syscalls\":[null]", "null")]
    [InlineData("\"syscalls\":[{\"names\":[\"a\",null],\"action\":\"SCMP_ACT_ALLOW\"}]", "null")]
    [InlineData("\"syscalls\":[{\"name\":\"a\",\"names\":[\"b\"],\"action\":\"SCMP_ACT_ALLOW\"}]", "both name and names")]
    [InlineData("\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"op\":\"LIKE\"}]}]", "unknown op 'LIKE'")]
    [InlineData("\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"new\"}}]", "minKernel 'new'")]
    public void A_profile_that_runc_would_refuse_at_the_start_is_refused_in_create(string member, string sentence)
    {
        Localhost("{\"defaultAction\":\"SCMP_ACT_ERRNO\"," + member + "}");
        _spec.Refuses(sentence);
    }

    [Fact]
    public void Of_a_profile_with_conditions_the_rules_are_taken_that_hold_here()
    {
        Localhost("""
            {"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"comment":"ignored",
             "archMap":[{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]},
                        {"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}],
             "syscalls":[
              {"names":["always"],"action":"SCMP_ACT_ALLOW","includes":{},"excludes":{}},
              {"name":"single","action":"SCMP_ACT_ALLOW"},
              {"names":["admin"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},
              {"names":["notadmin"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_ADMIN"]}},
              {"names":["both"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_CHOWN","CAP_SYS_ADMIN"]}},
              {"names":["arm"],"action":"SCMP_ACT_ALLOW","includes":{"arches":["arm","arm64"]}},
              {"names":["notamd"],"action":"SCMP_ACT_ALLOW","excludes":{"arches":["amd64"]}},
              {"names":["kernel"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"3.0"}},
              {"names":["later"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"99.1"}}]}
            """);
        var profile = _spec.Build().Spec.Linux.Seccomp!;
        Assert.Equal(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], profile.Architectures!);
        Assert.Equal(["always", "single", "notadmin", "kernel"], profile.Syscalls!.SelectMany(r => r.Names));
        _spec.Context.Capabilities = new Capability { AddCapabilities = { "SYS_ADMIN" } };
        Assert.Equal(["always", "single", "admin", "both", "kernel"], _spec.Build().Spec.Linux.Seccomp!.Syscalls!.SelectMany(r => r.Names));
    }

    [Fact]
    public void A_reference_may_carry_the_prefix_of_the_older_field()
    {
        Localhost("""{"defaultAction":"SCMP_ACT_ALLOW"}""");
        _spec.Context.Seccomp.LocalhostRef = "localhost/" + _spec.Context.Seccomp.LocalhostRef;
        Assert.Equal("SCMP_ACT_ALLOW", _spec.Build().Spec.Linux.Seccomp!.DefaultAction);
        _spec.Context.Seccomp.LocalhostRef = "localhost/";
        _spec.Refuses("seccomp.localhost_ref is empty");
        _spec.Context.Seccomp = null;
        _spec.Host.Facts = _spec.Host.Facts with { Apparmor = true };
        _spec.Host.Profiles.Add("mine");
        _spec.Context.Apparmor = new SecurityProfile { ProfileType = ProfileType.Localhost, LocalhostRef = "localhost/mine" };
        Assert.Equal("mine", _spec.Build().Spec.Process.ApparmorProfile);
    }

    [Theory]
    [InlineData("io.kubernetes.cri.rdt-class", false)]
    [InlineData("io.kubernetes.cri.blockio-class", false)]
    [InlineData("rdt.resources.beta.kubernetes.io/pod", true)]
    [InlineData("rdt.resources.beta.kubernetes.io/container.app", true)]
    [InlineData("blockio.resources.beta.kubernetes.io/pod", true)]
    [InlineData("blockio.resources.beta.kubernetes.io/container.app", true)]
    public void Classes_of_resources_are_refused_not_ignored(string key, bool ofThePod)
    {
        _spec.Pod.Annotations["rdt.resources.beta.kubernetes.io/container.other"] = "gold";
        _spec.Build();
        (ofThePod ? _spec.Pod.Annotations : _spec.Config.Annotations)[key] = "gold";
        _spec.Refuses($"'gold' by '{key}'", FaultCode.FailedPrecondition);
    }

    [Fact]
    public void Runtime_default_allows_by_capability_and_refuses_clone3_softly()
    {
        _spec.Context.Seccomp = new SecurityProfile { ProfileType = ProfileType.RuntimeDefault };
        var profile = _spec.Build().Spec.Linux.Seccomp!;
        Assert.Equal("SCMP_ACT_ERRNO", profile.DefaultAction);
        Assert.Contains(profile.Syscalls!, r => r.Names.Contains("clone3") && r.ErrnoRet == 38);
        Assert.DoesNotContain(
            profile.Syscalls!, r => r.Names.Contains("mount") || r.Names.Contains("io_uring_setup") || r.Names.Contains("keyctl"));
        _spec.Context.Capabilities = new Capability { AddCapabilities = { "SYS_ADMIN" } };
        profile = _spec.Build().Spec.Linux.Seccomp!;
        Assert.Contains(profile.Syscalls!, r => r.Names.Contains("mount") && r.Names.Contains("clone3") && r.Action == "SCMP_ACT_ALLOW");
    }

    [Theory]
    [InlineData(1, true)] // AF_UNIX
    [InlineData(17, true)] // AF_PACKET
    [InlineData(38, false)] // AF_ALG
    [InlineData(39, true)] // AF_NFC
    [InlineData(40, false)] // AF_VSOCK
    [InlineData(44, true)] // AF_XDP
    [InlineData(1L << 32 | 38, false)] // the kernel takes the lower half of the register: these two are AF_ALG
    [InlineData(1L << 32 | 40, false)] // and AF_VSOCK
    [InlineData(long.MaxValue << 32 | 40, false)]
    public void A_socket_family_is_judged_as_the_kernel_will_take_it(long family, bool allowed)
    {
        _spec.Context.Seccomp = new SecurityProfile { ProfileType = ProfileType.RuntimeDefault };
        var rules = _spec.Build().Spec.Linux.Seccomp!.Syscalls!.Where(r => r.Names.Contains("socket")).ToList();
        Assert.All(rules, r => Assert.Single(r.Args!));
        Assert.Equal(allowed, rules.Any(r => Matches(r.Args![0], (ulong)family)));

        static bool Matches(Oci.SeccompArg arg, ulong value) => arg.Op switch
        {
            "SCMP_CMP_LT" => value < arg.Value,
            "SCMP_CMP_EQ" => value == arg.Value,
            "SCMP_CMP_GT" => value > arg.Value,
            _ => throw new InvalidOperationException(arg.Op),
        };
    }

    [Fact]
    public void What_ptrace_can_do_anyway_is_allowed_as_elsewhere()
    {
        _spec.Context.Seccomp = new SecurityProfile { ProfileType = ProfileType.RuntimeDefault };
        var always = _spec.Build().Spec.Linux.Seccomp!.Syscalls![0].Names;
        Assert.Superset(new HashSet<string> { "ptrace", "process_vm_readv", "process_vm_writev" }, always.ToHashSet());
    }

    [Fact]
    public void Seccomp_can_be_off_by_configuration_or_missing_in_the_kernel()
    {
        _spec.Context.Seccomp = new SecurityProfile { ProfileType = ProfileType.RuntimeDefault };
        _spec.SeccompDefault = false;
        Assert.Null(_spec.Build().Spec.Linux.Seccomp);
        _spec.SeccompDefault = true;
        _spec.Host.Facts = _spec.Host.Facts with { Seccomp = false };
        _spec.Refuses("no seccomp", FaultCode.FailedPrecondition);
    }

    [Fact]
    public void An_apparmor_profile_must_be_named_and_loaded()
    {
        _spec.Context.Apparmor = new SecurityProfile { ProfileType = ProfileType.Localhost };
        _spec.Refuses("apparmor.localhost_ref is empty");
        _spec.Context.Apparmor.LocalhostRef = "mine";
        _spec.Refuses("AppArmor is off", FaultCode.FailedPrecondition);
        _spec.Host.Facts = _spec.Host.Facts with { Apparmor = true };
        _spec.Refuses("not loaded", FaultCode.FailedPrecondition);
        _spec.Context.Apparmor = null;
        _spec.Host.Profiles.Add("shimruntime-default");
        Assert.Equal("shimruntime-default", _spec.Build().Spec.Process.ApparmorProfile);
    }

    [Fact]
    public void Runtime_default_is_what_the_node_has_chosen()
    {
        _spec.Host.Facts = _spec.Host.Facts with { Apparmor = true };
        _spec.Host.Profiles.Add("theirs");
        Assert.Null(_spec.Build().Spec.Process.ApparmorProfile); // ours could not be loaded: Status says so, pods run
        _spec.ApparmorDefault = "theirs";
        Assert.Equal("theirs", _spec.Build().Spec.Process.ApparmorProfile);
        _spec.ApparmorDefault = "missing";
        _spec.Refuses("'missing' (apparmor_profile), which is not loaded", FaultCode.FailedPrecondition);
        _spec.Context.Apparmor = new SecurityProfile { ProfileType = ProfileType.Unconfined };
        Assert.Null(_spec.Build().Spec.Process.ApparmorProfile);
        _spec.Context.Apparmor = null;
        _spec.ApparmorDefault = "";
        Assert.Null(_spec.Build().Spec.Process.ApparmorProfile);
        _spec.Host.Facts = _spec.Host.Facts with { Apparmor = false };
        _spec.ApparmorDefault = "missing";
        Assert.Null(_spec.Build().Spec.Process.ApparmorProfile);
    }

    [Fact]
    public void Selinux_options_matter_only_where_there_is_selinux()
    {
        _spec.Context.SelinuxOptions = new SELinuxOption { Type = "app_t", Level = "s0:c1,c2" };
        Assert.Null(_spec.Build().Spec.Process.SelinuxLabel);
        _spec.Host.Facts = _spec.Host.Facts with { Selinux = true };
        var spec = _spec.Build().Spec;
        Assert.Equal("system_u:system_r:app_t:s0:c1,c2", spec.Process.SelinuxLabel);
        Assert.Equal("system_u:object_r:container_file_t:s0:c1,c2", spec.Linux.MountLabel);
    }

    [Fact]
    public void Pid_modes_must_fit_the_pod()
    {
        _spec.Context.NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Node };
        _spec.Refuses("NODE in a pod that is not");
        _spec.Context.NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Target };
        _spec.Refuses("TARGET without a running container");
        _spec.Context.NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Pod };
        _spec.Refuses("shares no PID namespace", FaultCode.FailedPrecondition);
    }

    [Fact]
    public void Nothing_of_the_pod_becomes_a_runtime_annotation()
    {
        _spec.Config.Annotations["org.systemd.property.ExecStart"] = "x";
        _spec.Pod.Annotations["run.oci.handler"] = "x";
        Assert.All(
            _spec.Build().Spec.Annotations!.Keys, k => Assert.True(k.StartsWith("io.kubernetes.cri.", StringComparison.Ordinal) || k == "io.shimruntime.generation"));
    }

    private void Localhost(string profile)
    {
        _spec.Host.Files["/profile.json"] = profile;
        _spec.Context.Seccomp = new SecurityProfile { ProfileType = ProfileType.Localhost, LocalhostRef = "/profile.json" };
    }
}
