using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

public sealed class SeccompBindNotifyTests
{
    private static readonly (string, string) Target = ("amd64", "/run/s");

    [Fact]
    public void TheDefaultProfileKeepsAllElse()
    {
        var before = DefaultSeccompProfile.Build("amd64", []);
        var after = SeccompBindNotify.Compose(before, Target, out var refusal)!;
        Assert.Null(refusal);
        Assert.Equal("/run/s", after.ListenerPath);
        Assert.Equal((before.DefaultAction, before.DefaultErrnoRet), (after.DefaultAction, after.DefaultErrnoRet));
        var rule = Assert.Single(after.Syscalls!, r => r.Names.Contains("bind"));
        Assert.Equal("SCMP_ACT_NOTIFY", rule.Action);
        Assert.Equal(Calls(before).Except(["bind"]), Calls(after).Except(["bind"]));
    }

    [Fact]
    public void AnUnconfinedContainerHasOneRule()
    {
        var after = SeccompBindNotify.Compose(null, Target, out _)!;
        Assert.Equal("SCMP_ACT_ALLOW", after.DefaultAction);
        Assert.Contains("SCMP_ARCH_X86", after.Architectures!);
        Assert.Equal(["bind"], Assert.Single(after.Syscalls!).Names);
    }

    [Fact]
    public void ARuleOfBindAloneIsReplaced()
    {
        var after = SeccompBindNotify.Compose(Profile("SCMP_ACT_ERRNO", Rule("SCMP_ACT_ALLOW", "bind")), Target, out _)!;
        Assert.Equal("SCMP_ACT_NOTIFY", Assert.Single(after.Syscalls!).Action);
    }

    [Theory]
    [InlineData("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "answers bind with SCMP_ACT_LOG")]
    [InlineData("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "answers bind with SCMP_ACT_ERRNO")]
    [InlineData("SCMP_ACT_ERRNO", null, "answers bind with SCMP_ACT_ERRNO, its default")]
    [InlineData("SCMP_ACT_LOG", null, "answers bind with SCMP_ACT_LOG, its default")]
    public void WhatSaysAnythingElseOfBindIsRefused(string byDefault, string? action, string reason)
    {
        var profile = action is null ? Profile(byDefault, Rule("SCMP_ACT_ALLOW", "read")) : Profile(byDefault, Rule(action, "bind"));
        Assert.Null(SeccompBindNotify.Compose(profile, Target, out var refusal));
        Assert.Equal(reason, refusal);
    }

    [Fact]
    public void SomeArgumentsOnlyAreRefused()
    {
        var rule = Rule("SCMP_ACT_ALLOW", "bind") with { Args = [new SeccompArg { Index = 2, Value = 16, Op = "SCMP_CMP_EQ" }] };
        Assert.Null(SeccompBindNotify.Compose(Profile("SCMP_ACT_ERRNO", rule), Target, out var refusal));
        Assert.Equal("allows bind with some arguments only", refusal);
    }

    private static SeccompRule Rule(string action, params string[] names) => new() { Names = names, Action = action };

    private static SeccompProfile Profile(string byDefault, params SeccompRule[] rules) => new() { DefaultAction = byDefault, Syscalls = rules };

    private static IEnumerable<string> Calls(SeccompProfile profile) => profile.Syscalls!.SelectMany(
        r => r.Names.Select(n => n == "bind" ? n : $"{n} {r.Action} {string.Join(';', r.Args ?? [])}"));
}
