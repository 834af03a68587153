using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <content>Attach: the caller gets descriptors, and the container's output through them until either ends.</content>
internal sealed partial class Container
{
    private readonly Attachers _attachers = new();

    /// <exception cref="RuntimeFault">FailedPrecondition: the container does not run. ResourceExhausted: too many are attached.</exception>
    public void Attach(ShimCall call, AttachRequest request)
    {
        CheckServes("attach to");
        var (serving, stdio) = (Serving, Serving.Stdio);
        if (!serving.IsRunning || stdio is null) throw RuntimeFault.FailedPrecondition("failed to attach to container: it is not running");
        _attachers.CheckRoom();
        var stdin = request.Stdin ? stdio.OpenStdin() : -1;
        var terminal = stdio.OpenTerminal();
        var attacher = new Attacher(call, stdin >= 0);
        var stdout = request.Stdout ? attacher.Open(LogStream.Stdout) : -1;
        var stderr = request.Stderr && terminal < 0 ? attacher.Open(LogStream.Stderr) : -1;
        var started = new AttachStarted
        {
            Stdin = stdin >= 0, Stdout = stdout >= 0, Stderr = stderr >= 0, Terminal = terminal >= 0, StdinOnce = _launch.StdinOnce,
        };
        List<int> descriptors = [.. new[] { stdin, stdout, stderr, terminal }.Where(fd => fd >= 0)];
        var sent = call.TrySend(started, descriptors);
        foreach (var fd in descriptors)
        {
            var copy = fd;
            FileDescriptor.Close(ref copy);
        }

        if (!sent)
        {
            attacher.Close();
            throw new RuntimeFault(FaultCode.Unavailable, "failed to attach to container: the caller's socket took no descriptors");
        }

        _attachers.Add(attacher);
        call.OnAbandoned = () => Detach(attacher);
    }

    /// <summary>An attacher's stdin has ended (CRI's stdin_once: the first one's end is the container's).</summary>
    public void CloseStdin()
    {
        if (_launch.StdinOnce) Serving.Stdio?.CloseStdin();
    }

    private void Detach(Attacher attacher)
    {
        _attachers.Remove(attacher);
        if (attacher.HasStdin) CloseStdin();
    }
}
