using System.Buffers;
using Google.Protobuf;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.ShimProtocol.Tests.Frames;

public class ExecOutputEncoderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(16_383)]
    [InlineData(16_384)]
    [InlineData(65_536)]
    [InlineData(2_097_152)]
    public void Written_by_hand_is_what_the_generated_code_writes(int bytes)
    {
        var output = new byte[bytes];
        new Random(bytes).NextBytes(output);
        foreach (var stderr in new[] { false, true })
        {
            var byHand = new ArrayBufferWriter<byte>();
            ExecOutputEncoder.Write(byHand, 5, stderr, output);
            var generated = new ArrayBufferWriter<byte>();
            var content = ByteString.CopyFrom(output);
            var message = stderr ? new ExecSyncFrame { Stderr = content } : new ExecSyncFrame { Stdout = content };
            FrameEncoder.Write(generated, 5, FrameType.Data, FrameFlags.None, message);
            Assert.True(generated.WrittenSpan.SequenceEqual(byHand.WrittenSpan));
        }
    }
}
