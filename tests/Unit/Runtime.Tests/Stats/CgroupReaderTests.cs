using ShimRuntime.Linux;
using ShimRuntime.Runtime.Stats;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Stats;

public class CgroupReaderTests
{
    [Fact]
    public void V2_stat_is_read_by_its_keys()
    {
        var sample = CgroupReader.WithUnifiedStat(new CgroupSample { AtNanos = 1, MemoryBytes = 1000 },
            "anon 400\nfile 600\ninactive_anon 5\ninactive_file 300\npgfault 7\npgmajfault 2\nanon_thp 9\n"u8);
        Assert.Equal((400UL, 300UL), (sample.AnonymousBytes, sample.InactiveFileBytes));
        Assert.Equal((7UL, 2UL), (sample.PageFaults, sample.MajorPageFaults));
        Assert.Equal(700UL, sample.WorkingSetBytes);
    }

    [Fact]
    public void V1_counts_what_is_below_too()
    {
        var sample = CgroupReader.WithV1Stat(new CgroupSample { AtNanos = 1, MemoryBytes = 100 },
            "rss 1\ninactive_file 1\ntotal_rss 40\ntotal_inactive_file 300\ntotal_pgfault 7\ntotal_pgmajfault 2\ntotal_swap 11"u8);
        Assert.Equal((40UL, 7UL, 2UL, 11UL), (sample.AnonymousBytes, sample.PageFaults, sample.MajorPageFaults, sample.SwapBytes!.Value));
        Assert.Equal(0UL, sample.WorkingSetBytes); // never below nothing
    }

    [Fact]
    public void Pressure_is_read_as_the_kernel_writes_it()
    {
        var stats = Pressure.Parse(
            "some avg10=1.50 avg60=0.25 avg300=0.00 total=12345\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=99\n"u8)!;
        Assert.Equal((1.5, 0.25, 12345UL), (stats.Some.Avg10, stats.Some.Avg60, stats.Some.Total));
        Assert.Equal((0.5, 99UL), (stats.Full.Avg10, stats.Full.Total));
        Assert.Null(Pressure.Parse([]));
    }

    [Fact]
    public void A_cgroup_that_is_not_there_has_no_sample() =>
        Assert.Null(new CgroupReader(CgroupHierarchy.Detect()).Read("/shimruntime-unit-no-such-cgroup"));

    [Fact]
    public void The_machine_itself_can_be_read()
    {
        var hierarchy = CgroupHierarchy.Detect();
        if (hierarchy.IsV2) return; // the root of v2 has no memory.current
        var sample = new CgroupReader(hierarchy).Read("/");
        Assert.NotNull(sample);
        Assert.True(sample.Value.CpuNanos > 0);
        Assert.True(sample.Value.MemoryBytes > 0);
        Assert.Null(sample.Value.MemoryLimitBytes);
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
