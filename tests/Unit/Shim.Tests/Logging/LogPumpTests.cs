using System.Text;
using ShimRuntime.Shim.Logging;
using Xunit;

namespace ShimRuntime.Shim.Tests.Logging;

public class LogPumpTests
{
    private const int Max = LineSplitter.MaxLineBytes;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 25)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void What_is_logged_depends_on_the_bytes_alone_not_on_the_writes(int seed)
    {
        var random = new Random(seed);
        var streams = new[] { RandomOutput(random), RandomOutput(random) };
        using var rig = new LogRig();

        rig.Pump(Interleave(streams, random));

        var lines = rig.Lines();
        Assert.Equal(Expected(streams[0]), lines.Where(l => l.Stream == "stdout").Select(l => (l.Tag, l.Text)));
        Assert.Equal(Expected(streams[1]), lines.Where(l => l.Stream == "stderr").Select(l => (l.Tag, l.Text)));
        Assert.Equal(lines.Select(l => l.At).Order(), lines.Select(l => l.At));
    }

    [Fact]
    public void An_unfinished_line_is_held_until_its_newline_and_the_last_one_flushed_as_full()
    {
        using var rig = new LogRig();
        rig.Pump([Out("one "), Out("line\ntw"), Out("o"), Out("\n"), Out("end")], _ => Pause());
        Assert.Equal([("F", "one line"), ("F", "two"), ("F", "end")], rig.Lines().Select(l => (l.Tag, l.Text)));
    }

    [Fact]
    public void Rotation_keeps_every_line_once_and_in_order()
    {
        using var rig = new LogRig();
        var numbers = Enumerable.Range(0, 5000).ToList();
        var rotations = 0;
        foreach (var part in numbers.Chunk(700))
        {
            rig.Pump(part.Select(n => Out($"{n}\n")));
            File.Move(rig.Path, $"{rig.Path}.{rotations++}");
            rig.File.Reopen();
        }

        var text = string.Concat(Enumerable.Range(0, rotations).Select(i => File.ReadAllText($"{rig.Path}.{i}")));
        var seen = text.Split('\n')[..^1].Select(l => int.Parse(l.Split(' ')[3], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(numbers, seen);
        Assert.Empty(rig.Lines());
    }

    [Fact]
    public async Task A_writer_that_never_pauses_cannot_keep_a_stream_that_is_to_end()
    {
        using var rig = new LogRig();
        await Task.Run(rig.EndUnderFire).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.InRange(rig.Lines().Count, 1, ReadBuffer.MaxLeftBytes + ReadBuffer.ReadBytes);
    }

    private static (LogStream Stream, byte[] Bytes) Out(string text) => (LogStream.Stdout, Encoding.Latin1.GetBytes(text));

    // Long enough for the loop to take the chunk before the next comes, so that it sees the pieces apart.
    private static void Pause() => new ManualResetEventSlim().Wait(20);

    private static byte[] RandomOutput(Random random)
    {
        var text = new MemoryStream();
        for (var line = random.Next(60); line > 0; line--)
        {
            var length = random.Next(8) switch
            {
                0 => 0,
                1 => Max - 1 + random.Next(3),
                2 => (2 * Max) - 1 + random.Next(3),
                3 => random.Next(5 * Max),
                _ => random.Next(200),
            };
            for (; length > 0; length--) text.WriteByte((byte)random.Next(32, 256));
            if (line > 1 || random.Next(2) == 0) text.WriteByte((byte)'\n');
        }

        return text.ToArray();
    }

    private static IEnumerable<(LogStream Stream, byte[] Bytes)> Interleave(byte[][] streams, Random random)
    {
        var at = new int[2];
        while (at[0] < streams[0].Length || at[1] < streams[1].Length)
        {
            var which = random.Next(2);
            var size = Math.Min(streams[which].Length - at[which], random.Next(3) == 0 ? random.Next(1, 10) : random.Next(1, 90_000));
            if (size <= 0) continue;
            yield return ((LogStream)which, streams[which][at[which]..(at[which] + size)]);
            at[which] += size;
        }
    }

    /// <summary>The same by the definition: lines cut every 16 KiB, all pieces but the last partial.</summary>
    private static IEnumerable<(string Tag, string Text)> Expected(byte[] output)
    {
        var lines = Encoding.Latin1.GetString(output).Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (i == lines.Length - 1 && lines[i].Length == 0) yield break; // the output ended with a newline
            for (var rest = lines[i]; ; rest = rest[Max..])
            {
                if (rest.Length > Max) yield return ("P", rest[..Max]);
                else
                {
                    yield return ("F", rest);
                    break;
                }
            }
        }
    }
}
