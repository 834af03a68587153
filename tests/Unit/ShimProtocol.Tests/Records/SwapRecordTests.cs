using System.Text;
using System.Text.Json;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.ShimProtocol.Tests.Records;

public class SwapRecordTests
{
    private static readonly SwapRecord Record = new()
    {
        ContainerId = new string('a', 64),
        Current = 2,
        EndedLeaves = new LeafCounters(1, 2, 3, 4, 5),
        Swap = new SwapEntry
        {
            RequestId = "r-1",
            Level = SwapLevel.SwapL0,
            Phase = SwapPhase.Probation,
            Outcome = SwapOutcome.Unspecified,
            Cause = "a \"cause\"",
            Old = 1,
            Target = 2,
            OldImageId = "sha256:1",
            TargetImageId = "sha256:2",
            Timeline = [(SwapPhase.Prepare, 10), (SwapPhase.Create, 20)],
        },
        History =
        [
            new GenerationEntry { Number = 1, ImageId = "sha256:1", Cause = "create", StartedAtNanos = 1, FinishedAtNanos = 2, Code = 143, Reason = "Error" },
            new GenerationEntry { Number = 2, ImageId = "sha256:2", Cause = "swap r-1", StartedAtNanos = 3 },
        ],
    };

    [Fact]
    public void What_is_written_is_read_back()
    {
        var read = SwapRecord.Parse(Record.ToJson());
        Assert.Equal(Record.History, read.History);
        Assert.Equal(Record.Swap.Timeline, read.Swap.Timeline);
        Assert.Equal(Record.Swap, read.Swap with { Timeline = Record.Swap.Timeline });
        Assert.Equal((Record.ContainerId, Record.Current, Record.EndedLeaves), (read.ContainerId, read.Current, read.EndedLeaves));
    }

    [Fact]
    public void A_torn_or_later_record_is_none()
    {
        var json = Record.ToJson();
        Assert.ThrowsAny<JsonException>(() => SwapRecord.Parse(json.AsMemory(0, json.Length / 2)));
        Assert.Throws<JsonException>(() => SwapRecord.Parse(Encoding.UTF8.GetBytes("{\"schema\":2}")));
        Assert.Throws<JsonException>(() => SwapRecord.Parse(Encoding.UTF8.GetBytes("{\"schema\":1,\"containerId\":\"a\"}")));
    }
}
