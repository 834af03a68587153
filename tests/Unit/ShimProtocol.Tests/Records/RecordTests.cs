using System.Text;
using System.Text.Json;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.ShimProtocol.Tests.Records;

public class RecordTests
{
    private static readonly ExitRecord Exit = new()
    {
        ContainerId = new string('a', 64),
        Generation = 3,
        Code = 137,
        Signal = 9,
        Reason = "OOMKilled",
        Message = "quotes \" and\nnewlines",
        StartedAtNanos = 1_700_000_000_123_456_700,
        FinishedAtNanos = 1_700_000_001_000_000_000,
        Oom = new OomVerdict(OomLevel.Ancestor, "/kubepods", 2),
        Memory = new MemorySnapshot(1, null, ulong.MaxValue),
        LogDroppedBytes = 77,
    };

    [Fact]
    public void An_exit_record_reads_back_as_it_was() => Assert.Equal(Exit, ExitRecord.Parse(Exit.ToJson()));

    [Fact]
    public void A_shim_record_reads_back_as_it_was_in_every_state()
    {
        foreach (var state in Enum.GetValues<ShimState>().Where(s => s != ShimState.Unspecified))
        {
            var record = new ShimRecord
            {
                ContainerId = new string('b', 64),
                Generation = 1,
                State = state,
                ShimPid = 12,
                ShimStartTicks = 99,
                Pid = 34,
                PidStartTicks = ulong.MaxValue,
                StartedAtNanos = 5,
            };
            Assert.Equal(record, ShimRecord.Parse(record.ToJson()));
        }
    }

    [Fact]
    public void Torn_or_foreign_records_are_refused_with_one_kind_of_exception()
    {
        var json = Exit.ToJson();
        for (var length = 0; length < json.Length; length++)
        {
            Assert.ThrowsAny<JsonException>(() => ExitRecord.Parse(json.AsMemory(0, length)));
            Assert.ThrowsAny<JsonException>(() => ShimRecord.Parse(json.AsMemory(0, length)));
        }

        Assert.ThrowsAny<JsonException>(() => ShimRecord.Parse(json));
        Assert.ThrowsAny<JsonException>(() => ExitRecord.Parse("[]"u8.ToArray()));
        Assert.ThrowsAny<JsonException>(() => ExitRecord.Parse("{\"schema\":2}"u8.ToArray()));
    }

    [Fact]
    public void Members_of_a_later_writer_are_passed_over()
    {
        var later = Encoding.UTF8.GetString(Exit.ToJson()).Replace("{\"schema\":1,", "{\"later\":{\"x\":[1]},\"schema\":1,",
            StringComparison.Ordinal);
        Assert.Equal(Exit, ExitRecord.Parse(Encoding.UTF8.GetBytes(later)));
    }
}
