using ShimRuntime.Runtime.Streaming;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>Directories of stream sessions whose process is gone and that this daemon does not watch.</summary>
internal sealed class SessionCheck(SessionStore sessions) : ICheck
{
    public IEnumerable<Orphan> Look(Survey survey) => sessions.Abandoned().Select(Of);

    private Orphan Of((string Id, string Directory) session)
    {
        var finding = new Finding
        {
            Kind = "session", Subject = session.Directory, NamedBy = Path.Combine(session.Directory, "session.json"),
            Why = "the process of this exec, attach or port-forward has ended and did not take its directory along", Remedy = "what its exec left is killed, and it is deleted",
        };
        return new Orphan(finding, null, new Repair($"session {session.Id}", Repair.OfFiles, _ => Task.Run(() => sessions.Clear(session.Id), CancellationToken.None)));
    }
}
