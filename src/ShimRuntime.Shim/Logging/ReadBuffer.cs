using System.Runtime.InteropServices;

namespace ShimRuntime.Shim.Logging;

/// <summary>
/// The one block that every stream of this shim is read into; used between two returns to the loop, by one reader at a time.
/// </summary>
internal sealed unsafe class ReadBuffer : IDisposable
{
    /// <summary>At most this is asked of one read(2): a pipe's default capacity.</summary>
    public const int ReadBytes = 64 * 1024;

    /// <summary>
    /// At most this is taken from a stream that somebody goes on writing to when it is to end: more no pipe or terminal holds
    /// (fs.pipe-max-size, pipe(7)), and a fast writer would have its way with us for ever.
    /// </summary>
    public const int MaxLeftBytes = 1024 * 1024;

    /// <summary>Bytes behind the block that may be read, whatever is in them: text is copied in whole vectors.</summary>
    public const int SlackBytes = 16;

    /// <summary>Room for a held line and one read.</summary>
    public byte* Start { get; } = (byte*)NativeMemory.Alloc(LineSplitter.MaxLineBytes + ReadBytes + SlackBytes);

    public void Dispose() => NativeMemory.Free(Start);
}
