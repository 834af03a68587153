using ShimRuntime.Runtime.Metrics;
using ShimRuntime.Runtime.Stats;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Stats;

public class CapturedCgroupTests
{
    [Fact]
    public void V1_sample()
    {
        var sample = CapturedCgroup.V1.Sample;
        Assert.Equal(4_068_284_384UL, sample.CpuNanos);
        Assert.Equal((229_376UL, 33_554_432UL), (sample.MemoryBytes, sample.MemoryLimitBytes!.Value));
        Assert.Equal((69_632UL, 0UL, 9603UL), (sample.Memory.AnonymousBytes, sample.Memory.InactiveFileBytes, sample.Memory.PageFaults));
        Assert.Equal((0UL, 0UL), (sample.SwapBytes!.Value, sample.SwapLimitBytes!.Value)); // memory and swap have one limit: no swap
        Assert.Equal(229_376UL, sample.WorkingSetBytes);
    }

    [Fact]
    public void A_hybrid_machine_has_pressure_on_its_v2_mount()
    {
        var sample = CapturedCgroup.V1.Sample;
        Assert.Equal((67.36, 18_998_813UL), (sample.CpuPressure!.Value.Some.Avg10, sample.CpuPressure.Value.Some.TotalMicroseconds));
        Assert.Equal(18_963_540UL, sample.CpuPressure.Value.Full.TotalMicroseconds);
        Assert.Equal((48_302UL, 23_584UL), (sample.MemoryPressure!.Value.Some.TotalMicroseconds, sample.IoPressure!.Value.Some.TotalMicroseconds));
    }

    [Fact]
    public void V1_detail()
    {
        var detail = CapturedCgroup.V1.Detail;
        Assert.Equal(CapturedCgroup.V1.Sample.CpuNanos, detail.CpuUserNanos + detail.CpuSystemNanos);
        Assert.InRange(detail.CpuSystemNanos, 380_000_000UL, 390_000_000UL); // 484 of 5,132 ticks' worth
        Assert.Equal(new Throttling(210, 134, 2_411_031_780), detail.Throttling);
        Assert.Equal(33_554_432UL, detail.MemoryPeakBytes);
        Assert.Equal(1UL, detail.OomKills); // the leaf's, where v1 counts it
        Assert.Equal((1UL, 0UL), (detail.Threads, detail.ThreadsMax));
        Assert.Empty(detail.Io); // "Total 0": this kernel counts no device
    }

    [Fact]
    public void Cpu_time_is_read_alone_too() => Assert.Equal(CapturedCgroup.V1.Sample.CpuNanos, CapturedCgroup.V1.Reader.ReadCpu("/container"));

    [Fact]
    public void Processes_of_the_leaf_are_the_containers()
    {
        var directory = new CgroupDirectory(CapturedCgroup.V1.Reader.Processes, "/container");
        List<int> pids = [];
        CgroupProcesses.List(directory, pids);
        Assert.Equal([5325], pids);
        Assert.Equal(1, CgroupProcesses.Count(directory));
    }

    [Fact]
    public void V1_io_by_device()
    {
        var devices = DeviceIo.ParseV1(
            "254:0 Read 8192\n254:0 Write 4096\n254:0 Sync 12288\n254:0 Async 0\n254:0 Discard 0\n254:0 Total 12288\nTotal 12288\n"u8,
            "254:0 Read 2\n254:0 Write 1\n254:0 Total 3\n7:1 Read 5\nTotal 8\n"u8);
        Assert.Equal(
            [
                new DeviceIo(254, 0) { ReadBytes = 8192, WriteBytes = 4096, Reads = 2, Writes = 1 },
                new DeviceIo(7, 1) { Reads = 5 },
            ], devices);
    }

    [Fact]
    public void V2_io_by_device()
    {
        var devices = DeviceIo.ParseUnified("259:0 rbytes=8192 wbytes=4096 rios=2 wios=1 dbytes=0 dios=0\n7:0 \nnonsense\n"u8);
        Assert.Equal([new DeviceIo(259, 0) { ReadBytes = 8192, WriteBytes = 4096, Reads = 2, Writes = 1 }, new DeviceIo(7, 0)], devices);
    }

    [Theory]
    [InlineData("hugepages-2048kB", "2MB")]
    [InlineData("hugepages-1048576kB", "1GB")]
    [InlineData("hugepages-64kB", "64KB")]
    [InlineData("hugepages-xkB", "")]
    [InlineData("other", "")]
    public void Huge_page_sizes_are_called_as_in_cgroup_files(string directory, string expected) =>
        Assert.Equal(expected, HugePageSizes.Size(directory));
}
