using ShimRuntime.Cri.V1;
using ShimRuntime.ShimProtocol.V1;
using AttachRequest = ShimRuntime.Cri.V1.AttachRequest;

namespace ShimRuntime.Runtime.Streaming;

/// <summary>The streaming half of RuntimeService: checks what is asked, and starts a session for each client that comes.</summary>
internal sealed class StreamService(StreamTargets targets, SessionSpawner spawner) : IStreamService
{
    public StreamTicket Exec(ExecRequest request) => Ticket(StreamTicket.Exec, () => targets.Exec(request));

    public StreamTicket Attach(AttachRequest request) => Ticket(StreamTicket.Attach, () => targets.Attach(request));

    public StreamTicket PortForward(PortForwardRequest request) => Ticket(StreamTicket.PortForward, () => targets.PortForward(request));

    public void Start(StreamTicket ticket, UpgradeRequest request, int socket) => spawner.Start(ticket, request, socket);

    private static StreamTicket Ticket(string kind, Func<SessionTarget> prepare) => new(kind, prepare().Owner, prepare);
}
