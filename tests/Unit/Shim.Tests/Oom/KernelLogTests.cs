using ShimRuntime.Shim.Oom;
using Xunit;

namespace ShimRuntime.Shim.Tests.Oom;

public class KernelLogTests
{
    private const string Leaf = "/kubepods/pod1/abc/g1-abc";

    [Theory]
    [InlineData("oom_memcg=/kubepods/pod1,task_memcg=/kubepods/pod1/abc/g1-abc,task=sh,pid=7,uid=0", "/kubepods/pod1")]
    [InlineData("oom_memcg=/kubepods,task_memcg=/kubepods/pod1/abc/g1-abc/exec-3,task=sh,pid=7,uid=0", "/kubepods")]
    [InlineData("oom_memcg=/outer/kubepods,task_memcg=/outer/kubepods/pod1/abc/g1-abc,task=sh,pid=7,uid=0", "/outer/kubepods")]
    [InlineData("global_oom,task_memcg=/kubepods/pod1/abc/g1-abc,task=sh,pid=7,uid=0", "")]
    [InlineData("oom_memcg=/kubepods/pod1,task_memcg=/kubepods/pod1/abc/g1-abcd,task=sh,pid=7,uid=0", null)]
    [InlineData("oom_memcg=/kubepods/pod1,task_memcg=/kubepods/pod1/other,task=sh,pid=7,uid=0", null)]
    [InlineData("nothing of the kind", null)]
    public void The_limiter_is_read_for_victims_of_our_leaf_only(string fields, string? expected) =>
        Assert.Equal(expected,
            KernelLog.LimiterIn($"6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,{fields}\n", Leaf));
}
