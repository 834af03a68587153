using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Stdio;

/// <summary>The clients that are attached to the container's output, each behind a ring of its own.</summary>
internal sealed unsafe class Attachers
{
    private const int Most = 32;
    private List<Attacher>? _list; // most containers never have one

    /// <exception cref="RuntimeFault">ResourceExhausted: too many are attached.</exception>
    public void CheckRoom()
    {
        if (_list?.Count >= Most)
            throw new RuntimeFault(FaultCode.ResourceExhausted, $"failed to attach to container: {Most} clients are attached");
    }

    public void Add(Attacher attacher) => (_list ??= []).Add(attacher);

    public IEnumerable<SavedAttacher> Save(StateWriter writer) => _list?.Select(a => a.Save(writer)) ?? [];

    public void Remove(Attacher attacher)
    {
        attacher.Close();
        _list?.Remove(attacher);
    }

    /// <summary>Output of the container, to everyone; those that have fallen behind are cut off.</summary>
    public void Write(LogStream stream, byte* bytes, int count)
    {
        for (var i = (_list?.Count ?? 0) - 1; i >= 0; i--)
        {
            if (_list![i].TryWrite(stream, bytes, count)) continue;
            _list[i].End(new AttachResult { CutOff = true });
            _list.RemoveAt(i);
        }
    }

    /// <summary>The container has ended.</summary>
    public void End(ExitStatus exit)
    {
        foreach (var attacher in _list ?? []) attacher.End(new AttachResult { Exit = exit });
        _list = null;
    }
}
