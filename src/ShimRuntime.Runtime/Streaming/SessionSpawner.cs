using System.Security.Cryptography;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Streaming;

/// <summary>
/// Starts session processes: <c>shimruntime-shim session</c> with its launch in a sealed memfd at fd 3 and the client's socket at fd 4,
/// beside the shims. From then on the session is on its own; its stderr is the daemon's.
/// </summary>
internal sealed class SessionSpawner(RuntimeOptions options, SessionStore sessions, ILogger log, CancellationToken stopping)
{
    private const int StandardError = 2;
    private const int LaunchFd = 3;
    private const int SocketFd = 4;
    private const int IdBytes = 8;

    // As the shims': a NativeAOT runtime's own threads would take them.
    private static readonly int[] BlockedSignals = [1, 2, 3, 13, 15, 17];
    private readonly ShimPlacement _placement = new(log);

    /// <summary>The caller closes its copy of <paramref name="socket"/>.</summary>
    /// <exception cref="RuntimeFault">ResourceExhausted: too many sessions; others: what the target says.</exception>
    public void Start(StreamTicket ticket, UpgradeRequest request, int socket)
    {
        var target = ticket.Prepare();
        sessions.CheckRoom(target.Owner);
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes));
        var process = Spawn(id, target, request, socket);
        sessions.Add(RecordOf(process, (id, ticket.Kind), target), process.PidFd, stopping);
        _placement.Place(process.Pid);
        log.LogDebug("{Kind} session {Id} of '{Owner}' is pid {Pid}", ticket.Kind, id, target.Owner, process.Pid);
    }

    private SpawnedProcess Spawn(string id, SessionTarget target, UpgradeRequest request, int socket)
    {
        var directory = sessions.MakeDirectory(id);
        try
        {
            var launch = new SessionLaunch { ProtocolVersion = ShimMethods.LaunchVersion, Id = id, Directory = directory, Request = request };
            target.Fill(launch);
            using var memory = MemoryFile.Sealed("session-launch", launch.ToByteArray());
            return Spawner.Spawn(new SpawnRequest
            {
                Path = options.ShimPath,
                Arguments = [Path.GetFileName(options.ShimPath), "session", directory],
                Fds = [new FdMapping(StandardError, StandardError), new FdMapping((int)memory.DangerousGetHandle(), LaunchFd), new FdMapping(socket, SocketFd)],
                NewSession = true,
                BlockedSignals = BlockedSignals,
            });
        }
        catch
        {
            sessions.RemoveDirectory(id);
            throw;
        }
    }

    private static SessionRecord RecordOf(SpawnedProcess process, (string Id, string Kind) session, SessionTarget target) => new()
    {
        Id = session.Id,
        Kind = session.Kind,
        Owner = target.Owner,
        Pid = process.Pid,
        StartTicks = ProcessIdentity.TryRead(process.Pid)?.StartTicks ?? 0,
        LeafCgroup = target.LeafCgroup,
    };
}
