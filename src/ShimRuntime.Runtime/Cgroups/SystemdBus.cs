using ShimRuntime.Linux;
using Tmds.DBus.Protocol;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>
/// systemd's manager, org.freedesktop.systemd1(5), over one connection that is made at the first call and again when it broke: the system
/// bus, or systemd's own socket where there is no bus. Units' operations end when systemd's job has.
/// </summary>
internal sealed class SystemdBus : IDisposable
{
    private const string UnitExists = "org.freedesktop.systemd1.UnitExists";
    private const string NoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

    // As runc tries them: what works for us works for it.
    private static readonly string[] Addresses = ["unix:path=/run/dbus/system_bus_socket", "unix:path=/run/systemd/private"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly SemaphoreSlim _connecting = new(1, 1);
    private readonly UnitJobs _jobs = new();
    private DBusConnection? _connection;

    /// <summary>Starts a transient unit; one that is there already gets the properties that can change.</summary>
    public async Task StartAsync(string unit, IReadOnlyList<UnitProperty> properties, CancellationToken cancellation)
    {
        try
        {
            await RunJobAsync(unit, c => SystemdCalls.StartTransientUnit(c, unit, properties), cancellation).ConfigureAwait(false);
        }
        catch (DBusErrorReplyException e) when (e.ErrorName == UnitExists && SliceName.IsSlice(unit))
        {
            await SetPropertiesAsync(unit, [.. properties.Where(p => p.Name is not ("Description" or "DefaultDependencies"))], cancellation)
                .ConfigureAwait(false);
        }
        catch (DBusErrorReplyException e)
        {
            throw RuntimeFault.Internal($"failed to start unit '{unit}': systemd says: {e.ErrorMessage}", e);
        }
    }

    /// <summary>Until the next boot, and over daemon-reload. False: no such unit.</summary>
    public async Task<bool> SetPropertiesAsync(string unit, IReadOnlyList<UnitProperty> properties, CancellationToken cancellation)
    {
        try
        {
            await CallAsync(c => SystemdCalls.SetUnitProperties(c, unit, properties), $"change unit '{unit}'", cancellation)
                .ConfigureAwait(false);
            return true;
        }
        catch (DBusErrorReplyException e) when (e.ErrorName == NoSuchUnit)
        {
            return false;
        }
        catch (DBusErrorReplyException e)
        {
            throw RuntimeFault.Internal($"failed to change unit '{unit}': systemd says: {e.ErrorMessage}", e);
        }
    }

    /// <summary>One that is not there is no error.</summary>
    public async Task StopAsync(string unit, CancellationToken cancellation)
    {
        try
        {
            await RunJobAsync(unit, c => SystemdCalls.StopUnit(c, unit), cancellation).ConfigureAwait(false);
        }
        catch (DBusErrorReplyException e) when (e.ErrorName == NoSuchUnit)
        {
            // Stopped before, by us or by hand, or never started.
        }
        catch (DBusErrorReplyException e)
        {
            throw RuntimeFault.Internal($"failed to stop unit '{unit}': systemd says: {e.ErrorMessage}", e);
        }
    }

    public void Dispose()
    {
        Interlocked.Exchange(ref _connection, null)?.Dispose();
        _connecting.Dispose();
    }

    private async Task RunJobAsync(string unit, Func<DBusConnection, Task<string>> call, CancellationToken cancellation)
    {
        using var watch = _jobs.Watch(unit);
        var job = await CallAsync(call, $"reach systemd for unit '{unit}'", cancellation).ConfigureAwait(false);
        try
        {
            var result = await watch.ResultOf(job).WaitAsync(Patience, cancellation).ConfigureAwait(false);
            if (result == "done") return;
            throw RuntimeFault.Internal($"failed to change unit '{unit}': systemd's job ended as '{result}'; see journalctl -u {unit}");
        }
        catch (TimeoutException)
        {
            throw new RuntimeFault(FaultCode.DeadlineExceeded,
                $"failed to change unit '{unit}': systemd's job did not end within {Patience.TotalSeconds:0} s; see systemctl list-jobs");
        }
    }

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
            catch (Exception e) when (e is DBusConnectionException or ObjectDisposedException)
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
