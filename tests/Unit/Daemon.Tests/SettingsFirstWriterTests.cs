using System.IO.Pipelines;
using ShimRuntime.Daemon.Hosting;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public class SettingsFirstWriterTests
{
    private static readonly byte[] GoAway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    private static readonly byte[] Settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
    private static readonly byte[] EmptySettings = [0, 0, 0, 4, 0, 0, 0, 0, 0];

    [Fact]
    public async Task A_goaway_as_the_first_frame_comes_second()
    {
        byte[] wanted = [.. EmptySettings, .. GoAway];
        Assert.Equal(wanted, await WrittenAsync(GoAway));
    }

    [Fact]
    public async Task Settings_first_stay_as_they_are_and_so_does_all_that_follows()
    {
        byte[] wanted = [.. Settings, .. GoAway, .. Settings];
        Assert.Equal(wanted, await WrittenAsync(Settings, GoAway, Settings));
    }

    private static async Task<byte[]> WrittenAsync(params byte[][] frames)
    {
        var pipe = new Pipe();
        var writer = new SettingsFirstWriter(pipe.Writer);
        foreach (var frame in frames)
        {
            frame.CopyTo(writer.GetSpan(frame.Length));
            writer.Advance(frame.Length);
            await writer.FlushAsync();
        }

        await writer.CompleteAsync(); // means nothing here
        await pipe.Writer.CompleteAsync();
        var read = await pipe.Reader.ReadAtLeastAsync(1000);
        return System.Buffers.BuffersExtensions.ToArray(read.Buffer);
    }
}
