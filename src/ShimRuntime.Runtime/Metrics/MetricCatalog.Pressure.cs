using static ShimRuntime.Cri.V1.MetricType;

namespace ShimRuntime.Runtime.Metrics;

/// <content>Pressure stall information.</content>
internal static partial class MetricCatalog
{
    public static readonly MetricDefinition PressureCpuWaiting = new(
        "container_pressure_cpu_waiting_seconds_total", "Time in which some tasks waited for a CPU, in whole seconds.", Counter)
    {
        Needs = KernelFeature.Pressure,
    };

    public static readonly MetricDefinition PressureCpuStalled = new(
        "container_pressure_cpu_stalled_seconds_total", "Time in which all tasks waited for a CPU, in whole seconds.", Counter)
    {
        Needs = KernelFeature.Pressure,
    };

    public static readonly MetricDefinition PressureMemoryWaiting = new(
        "container_pressure_memory_waiting_seconds_total", "Time in which some tasks waited for memory, in whole seconds.", Counter)
    {
        Needs = KernelFeature.Pressure,
    };

    public static readonly MetricDefinition PressureMemoryStalled = new(
        "container_pressure_memory_stalled_seconds_total", "Time in which all tasks waited for memory, in whole seconds.", Counter)
    {
        Needs = KernelFeature.Pressure,
    };

    public static readonly MetricDefinition PressureIoWaiting = new(
        "container_pressure_io_waiting_seconds_total", "Time in which some tasks waited for I/O, in whole seconds.", Counter)
    {
        Needs = KernelFeature.Pressure,
    };

    public static readonly MetricDefinition PressureIoStalled = new(
        "container_pressure_io_stalled_seconds_total", "Time in which all tasks waited for I/O, in whole seconds.", Counter)
    {
        Needs = KernelFeature.Pressure,
    };

    private static readonly MetricDefinition[] PressureGroup =
    [
        PressureCpuWaiting, PressureCpuStalled, PressureMemoryWaiting, PressureMemoryStalled, PressureIoWaiting, PressureIoStalled,
    ];
}
