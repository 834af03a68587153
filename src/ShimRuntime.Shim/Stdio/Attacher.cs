using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.State;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Stdio;

/// <summary>
/// One client of Attach: a pipe for each output stream that it wants, 1 MiB each, which is the bounded ring. What finds no room
/// there cuts the client off; the container never waits.
/// </summary>
internal sealed unsafe class Attacher(ShimCall call, bool hasStdin)
{
    private const int RingBytes = 1024 * 1024;
    private int _stdout = -1;
    private int _stderr = -1;

    /// <summary>One that another program of this process had.</summary>
    public Attacher(ShimCall call, SavedAttacher saved)
        : this(call, saved.HasStdin) => (_stdout, _stderr) = (StateReader.Fd(saved.Stdout), StateReader.Fd(saved.Stderr));

    /// <summary>True when it may write to the container's stdin.</summary>
    public bool HasStdin { get; } = hasStdin;

    /// <summary>Makes the pipe for a stream.</summary>
    /// <returns>The end to hand over.</returns>
    public int Open(LogStream stream)
    {
        var pipe = FileDescriptor.CreatePipe();
        FileDescriptor.TrySetPipeBytes(pipe.Write, RingBytes);
        FileDescriptor.SetNonBlocking(pipe.Write);
        if (stream == LogStream.Stdout) _stdout = pipe.Write;
        else _stderr = pipe.Write;
        return pipe.Read;
    }

    public SavedAttacher Save(StateWriter writer) => new()
    {
        Call = call.Save(), HasStdin = HasStdin, Stdout = writer.Keep(_stdout), Stderr = writer.Keep(_stderr),
    };

    /// <summary>False when it has fallen behind, or reads no more.</summary>
    public bool TryWrite(LogStream stream, byte* bytes, int count)
    {
        var fd = stream == LogStream.Stdout ? _stdout : _stderr;
        return fd < 0 || FileDescriptor.Write(fd, bytes, count) == count;
    }

    /// <summary>Nothing more comes; the client reads what is in the pipes, then this.</summary>
    public void End(AttachResult result)
    {
        Close();
        call.OnAbandoned = null;
        call.Reply(result);
    }

    public void Close()
    {
        FileDescriptor.Close(ref _stdout);
        FileDescriptor.Close(ref _stderr);
    }
}
