using Tmds.DBus.Protocol;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>The methods and the signal of org.freedesktop.systemd1.Manager that we use, as messages.</summary>
internal static class SystemdCalls
{
    private const string Service = "org.freedesktop.systemd1";
    private const string Manager = "org.freedesktop.systemd1.Manager";
    private const string ObjectPath = "/org/freedesktop/systemd1";

    /// <summary>A later job that contradicts a queued one replaces it.</summary>
    private const string Mode = "replace";

    /// <returns>The job's object path.</returns>
    public static Task<string> StartTransientUnit(DBusConnection connection, string unit, IReadOnlyList<UnitProperty> properties)
    {
        var writer = connection.GetMessageWriter();
        try
        {
            writer.WriteMethodCallHeader(Service, ObjectPath, Manager, "StartTransientUnit", "ssa(sv)a(sa(sv))");
            writer.WriteString(unit);
            writer.WriteString(Mode);
            WriteProperties(ref writer, properties);
            var auxiliary = writer.WriteArrayStart(DBusType.Struct);
            writer.WriteArrayEnd(auxiliary);
            return connection.CallMethodAsync(writer.CreateMessage(), ReadObjectPath);
        }
        finally
        {
            writer.Dispose();
        }
    }

    public static Task<bool> SetUnitProperties(DBusConnection connection, string unit, IReadOnlyList<UnitProperty> properties)
    {
        var writer = connection.GetMessageWriter();
        try
        {
            writer.WriteMethodCallHeader(Service, ObjectPath, Manager, "SetUnitProperties", "sba(sv)");
            writer.WriteString(unit);
            writer.WriteBool(true); // runtime: not written to /etc
            WriteProperties(ref writer, properties);
            return connection.CallMethodAsync(writer.CreateMessage(), static (_, _) => true);
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <returns>The job's object path.</returns>
    public static Task<string> StopUnit(DBusConnection connection, string unit)
    {
        using var writer = connection.GetMessageWriter();
        writer.WriteMethodCallHeader(Service, ObjectPath, Manager, "StopUnit", "ss");
        writer.WriteString(unit);
        writer.WriteString(Mode);
        return connection.CallMethodAsync(writer.CreateMessage(), ReadObjectPath);
    }

    /// <param name="removed">Gets job, unit and result of every JobRemoved for the connection's life; must not throw.</param>
    public static async Task SubscribeAsync(DBusConnection connection, Action<string, string, string> removed)
    {
        var rule = new MatchRule
        {
            Type = MessageType.Signal,
            // Without a bus there is nobody else who could send it.
            Sender = connection.UniqueName is null ? null : Service,
            Path = ObjectPath,
            Interface = Manager,
            Member = "JobRemoved",
        };
        await connection.AddMatchAsync(rule, ReadJob, (Notification<(string Job, string Unit, string Result)> told) =>
        {
            if (told.HasValue) removed(told.Value.Job, told.Value.Unit, told.Value.Result);
        }, false, ObserverFlags.None, null).ConfigureAwait(false);
        await connection.CallMethodAsync(SubscribeMessage(connection)).ConfigureAwait(false);
    }

    private static MessageBuffer SubscribeMessage(DBusConnection connection)
    {
        using var writer = connection.GetMessageWriter();
        writer.WriteMethodCallHeader(Service, ObjectPath, Manager, "Subscribe");
        return writer.CreateMessage();
    }

    /// <summary>By reference: the writer is a value, and a copy's writes would be lost.</summary>
    private static void WriteProperties(ref MessageWriter writer, IReadOnlyList<UnitProperty> properties)
    {
        var array = writer.WriteArrayStart(DBusType.Struct);
        foreach (var property in properties)
        {
            writer.WriteStructureStart();
            writer.WriteString(property.Name);
            writer.WriteVariant(property.Value);
        }

        writer.WriteArrayEnd(array);
    }

    private static string ReadObjectPath(Message message, object? state) => message.GetBodyReader().ReadObjectPathAsString();

    /// <summary>JobRemoved(u id, o job, s unit, s result).</summary>
    private static (string Job, string Unit, string Result) ReadJob(Message message, object? state)
    {
        var reader = message.GetBodyReader();
        reader.ReadUInt32();
        return (reader.ReadObjectPathAsString(), reader.ReadString(), reader.ReadString());
    }
}
