using ShimRuntime.Linux;
using Tmds.DBus.Protocol;

namespace ShimRuntime.Runtime.Cgroups;

/// <content>The connection: made at the first call, and again when it broke.</content>
internal sealed partial class SystemdBus
{
    // As runc tries them: what works for us works for it.
    private static readonly string[] Addresses = ["unix:path=/run/dbus/system_bus_socket", "unix:path=/run/systemd/private"];

    /// <summary>What a bus says on which systemd is not, or no longer, as while either of them restarts.</summary>
    private static readonly string[] SystemdIsAway =
    [
        "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.DBus.Error.Disconnected",
    ];

    private readonly SemaphoreSlim _connecting = new(1, 1);
    private DBusConnection? _connection;

    /// <summary>A connection that broke since the last call, as at a restart of the bus, is made again once.</summary>
    private async Task<T> CallAsync<T>(Func<DBusConnection, Task<T>> call, string verb, CancellationToken cancellation)
    {
        for (var last = false; ; last = true)
        {
            var connection = await ConnectedAsync(cancellation).ConfigureAwait(false);
            try
            {
                return await call(connection).WaitAsync(Patience, cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (IsLost(e))
            {
                Forget(connection);
                if (last) throw new RuntimeFault(FaultCode.Unavailable, $"failed to {verb}: {e.Message}; is systemd's bus up?", e);
            }
            catch (TimeoutException e)
            {
                Forget(connection);
                throw new RuntimeFault(FaultCode.DeadlineExceeded, $"failed to {verb}: no answer within {Patience.TotalSeconds:0} s", e);
            }
        }
    }

    private static bool IsLost(Exception e) => e is DBusConnectionException or ObjectDisposedException
        || (e is DBusErrorReplyException reply && SystemdIsAway.Contains(reply.ErrorName, StringComparer.Ordinal));

    private async Task<DBusConnection> ConnectedAsync(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _connection) is { } present) return present;
        await _connecting.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return _connection ??= await ConnectAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _connecting.Release();
        }
    }

    private async Task<DBusConnection> ConnectAsync(CancellationToken cancellation)
    {
        List<string> failures = [];
        foreach (var address in Addresses)
        {
            var connection = new DBusConnection(address);
            try
            {
                await connection.ConnectAsync().AsTask().WaitAsync(Patience, cancellation).ConfigureAwait(false);
                await SystemdCalls.SubscribeAsync(connection, _jobs.Removed).WaitAsync(Patience, cancellation).ConfigureAwait(false);
                return connection;
            }
            catch (Exception e) when (e is DBusConnectionException or DBusErrorReplyException or TimeoutException)
            {
                connection.Dispose();
                failures.Add($"{address}: {e.Message}");
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        }

        throw new RuntimeFault(FaultCode.Unavailable,
            $"failed to reach systemd: {string.Join("; ", failures)}; the systemd cgroup driver needs it as PID 1");
    }

    private void Forget(DBusConnection connection)
    {
        if (Interlocked.CompareExchange(ref _connection, null, connection) == connection) connection.Dispose();
    }
}
