using Tmds.DBus.Protocol;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>A property of a unit as org.freedesktop.systemd1(5) has it.</summary>
/// <param name="IsOfStart">Given when the unit starts; one that is there does not take it.</param>
internal readonly record struct UnitProperty(string Name, VariantValue Value, bool IsOfStart = false);
