using System.Text;
using ShimRuntime.Runtime.Shims;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>
/// &lt;state&gt;/ids: every id that was given out on this state directory since the machine started, written before anything is made under it,
/// and kept when its record is gone. So a cgroup, a pin or an address can be told to be ours after that, where its name alone could be any
/// runtime's. A file of one line an id, appended to, never rewritten; the last 7,000 and more are kept (ids.1 has the older half).
/// <code>
///   pod        &lt;64 hex&gt; &lt;pod cgroup, made by us&gt;
///   pod-in     &lt;64 hex&gt; &lt;pod cgroup of kubelet's&gt;
///   container  &lt;64 hex&gt; &lt;container cgroup&gt;
/// </code>
/// </summary>
internal sealed class IdLedger
{
    private const string Pod = "pod", PodIn = "pod-in", Container = "container";
    private const int MostBytes = 1 << 20;
    private readonly Lock _lock = new();

    /// <summary>Makes the file.</summary>
    public IdLedger(string state)
    {
        Path = System.IO.Path.Combine(state, "ids");
        AppendFile.Open(Path).Dispose();
    }

    public string Path { get; }

    private string Former => Path + ".1";

    public void NoteSandbox(string id, string cgroup, bool ownsCgroup) => Note($"{(ownsCgroup ? Pod : PodIn)} {id} {cgroup}\n");

    public void NoteContainer(string id, string cgroup) => Note($"{Container} {id} {cgroup}\n");

    /// <summary>Newest last. A torn line is passed over.</summary>
    public IEnumerable<Claim> Read()
    {
        foreach (var path in new[] { Former, Path })
        {
            if (!File.Exists(path)) continue;
            foreach (var line in File.ReadLines(path))
            {
                if (Parse(line) is { } claim) yield return claim;
            }
        }
    }

    internal Claim? Parse(string line) => line.Split(' ', 3) switch
    {
        [Pod, { Length: 64 } id, ['/', ..] cgroup] => new Claim(ClaimKind.Sandbox, id, Path) { Cgroup = cgroup, OwnsCgroup = true },
        [PodIn, { Length: 64 } id, ['/', ..] cgroup] => new Claim(ClaimKind.Sandbox, id, Path) { Cgroup = cgroup },
        [Container, { Length: 64 } id, ['/', ..] cgroup] => new Claim(ClaimKind.Container, id, Path) { Cgroup = cgroup },
        _ => null,
    };

    /// <summary>Best effort: no pod fails because of what is only ever read when something has been left behind.</summary>
    private void Note(string line)
    {
        lock (_lock)
        {
            try
            {
                using var file = AppendFile.Open(Path);
                RandomAccess.Write(file, Encoding.UTF8.GetBytes(line), RandomAccess.GetLength(file));
                if (RandomAccess.GetLength(file) > MostBytes) File.Move(Path, Former, true);
            }
            catch (IOException)
            {
                // A full /run: whatever else is written there says so.
            }
        }
    }
}
