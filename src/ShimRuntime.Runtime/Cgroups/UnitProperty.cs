using Tmds.DBus.Protocol;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>A property of a unit as org.freedesktop.systemd1(5) has it.</summary>
internal readonly record struct UnitProperty(string Name, VariantValue Value);
