using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Upgrades;

/// <summary>Gives what a state only names: calls under way, each to one owner.</summary>
internal sealed class StateReader(ShimListener listener)
{
    private readonly HashSet<ShimCall> _claimed = [];

    public static int Fd(int saved) => saved == 0 ? -1 : saved;

    /// <summary>Null: nobody waited for an answer any more.</summary>
    public ShimCall? Call(SavedCall? saved)
    {
        if (saved is null) return null;
        var call = listener.Find(saved) ?? throw RuntimeFault.Internal($"the state names a call on stream {saved.Stream} that is not there");
        return _claimed.Add(call) ? call : throw RuntimeFault.Internal($"two owners of the call on stream {saved.Stream}");
    }

    /// <exception cref="RuntimeFault">Internal: a caller would wait for ever.</exception>
    public void CheckAllClaimed()
    {
        foreach (var call in listener.Calls)
        {
            if (!_claimed.Contains(call)) throw RuntimeFault.Internal($"nobody would answer {call.Method}");
        }
    }
}
