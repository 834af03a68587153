using ShimRuntime.Linux;
using ShimRuntime.Runtime.Stats;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Stats;

public class CgroupReaderTests
{
    [Fact]
    public void V2_stat_is_read_by_its_keys()
    {
        var stat = MemoryStat.ParseUnified("anon 400\nfile 600\ninactive_anon 5\ninactive_file 300\npgfault 7\npgmajfault 2\nanon_thp 9\n"u8);
        var sample = new CgroupSample { AtNanos = 1, MemoryBytes = 1000, Memory = stat };
        Assert.Equal((400UL, 600UL, 300UL), (stat.AnonymousBytes, stat.FileBytes, stat.InactiveFileBytes));
        Assert.Equal((7UL, 2UL), (stat.PageFaults, stat.MajorPageFaults));
        Assert.Equal(700UL, sample.WorkingSetBytes);
    }

    [Fact]
    public void V1_counts_what_is_below_too()
    {
        var stat = MemoryStat.ParseV1(
            "rss 1\ninactive_file 1\ntotal_rss 40\ntotal_inactive_file 300\ntotal_pgfault 7\ntotal_pgmajfault 2\ntotal_swap 11"u8);
        var sample = new CgroupSample { AtNanos = 1, MemoryBytes = 100, Memory = stat };
        Assert.Equal((40UL, 7UL, 2UL, 11UL), (stat.AnonymousBytes, stat.PageFaults, stat.MajorPageFaults, stat.SwapBytes!.Value));
        Assert.Equal(0UL, sample.WorkingSetBytes); // never below nothing
    }

    [Theory]
    [InlineData("kernel 100\nkernel_stack 10\nslab 20\n", 100UL)]
    [InlineData("kernel_stack 10\nslab 20\n", 30UL)] // before Linux 5.18
    public void Kernel_memory_is_what_the_kernel_sums_up_or_else_its_parts(string text, ulong expected) =>
        Assert.Equal(expected, MemoryStat.ParseUnified(System.Text.Encoding.ASCII.GetBytes(text)).KernelBytes);

    [Fact]
    public void Pressure_is_read_as_the_kernel_writes_it()
    {
        var pressure = PressureSample.Parse(
            "some avg10=1.50 avg60=0.25 avg300=0.00 total=12345\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=99\n"u8)!.Value.ToCri();
        Assert.Equal((1.5, 0.25, 12345UL), (pressure.Some.Avg10, pressure.Some.Avg60, pressure.Some.Total));
        Assert.Equal((0.5, 99UL), (pressure.Full.Avg10, pressure.Full.Total));
        Assert.Null(PressureSample.Parse([]));
    }

    [Fact]
    public void A_cgroup_that_is_not_there_has_no_sample()
    {
        var reader = new CgroupReader(CgroupHierarchy.Detect());
        Assert.Null(reader.Read("/shimruntime-unit-no-such-cgroup"));
        Assert.Null(reader.ReadCpu("/shimruntime-unit-no-such-cgroup"));
        Assert.Equal(0, CgroupProcesses.Count(new CgroupDirectory(reader.Processes, "/shimruntime-unit-no-such-cgroup")));
    }

    [Fact]
    public void The_machine_itself_can_be_read()
    {
        var hierarchy = CgroupHierarchy.Detect();
        if (hierarchy.IsV2) return; // the root of v2 has no memory.current
        var sample = new CgroupReader(hierarchy).Read("/");
        Assert.NotNull(sample);
        Assert.True(sample.CpuNanos > 0);
        Assert.True(sample.MemoryBytes > 0);
        Assert.Null(sample.MemoryLimitBytes);
    }

    [Theory]
    [InlineData("12\n", 12UL)]
    [InlineData("max\n", ulong.MaxValue)]
    public void Numbers(string text, ulong expected) =>
        Assert.Equal(expected, PseudoFile.Number(System.Text.Encoding.ASCII.GetBytes(text)));

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("12 13")]
    public void No_numbers(string text) => Assert.Null(PseudoFile.Number(System.Text.Encoding.ASCII.GetBytes(text)));
}
