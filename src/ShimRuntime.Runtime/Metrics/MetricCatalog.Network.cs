using static ShimRuntime.Cri.V1.MetricType;

namespace ShimRuntime.Runtime.Metrics;

/// <content>Interfaces of the pod.</content>
internal static partial class MetricCatalog
{
    public static readonly MetricDefinition ReceiveBytes = new(
        "container_network_receive_bytes_total", "Bytes received.", Counter, "interface");

    public static readonly MetricDefinition ReceivePackets = new(
        "container_network_receive_packets_total", "Packets received.", Counter, "interface");

    public static readonly MetricDefinition ReceiveErrors = new(
        "container_network_receive_errors_total", "Errors while packets were received.", Counter, "interface");

    public static readonly MetricDefinition ReceivePacketsDropped = new(
        "container_network_receive_packets_dropped_total", "Packets dropped that were to be received.", Counter, "interface");

    public static readonly MetricDefinition TransmitBytes = new(
        "container_network_transmit_bytes_total", "Bytes sent.", Counter, "interface");

    public static readonly MetricDefinition TransmitPackets = new(
        "container_network_transmit_packets_total", "Packets sent.", Counter, "interface");

    public static readonly MetricDefinition TransmitErrors = new(
        "container_network_transmit_errors_total", "Errors while packets were sent.", Counter, "interface");

    public static readonly MetricDefinition TransmitPacketsDropped = new(
        "container_network_transmit_packets_dropped_total", "Packets dropped that were to be sent.", Counter, "interface");

    private static readonly MetricDefinition[] NetworkGroup =
    [
        ReceiveBytes, ReceivePackets, ReceiveErrors, ReceivePacketsDropped, TransmitBytes, TransmitPackets, TransmitErrors,
        TransmitPacketsDropped,
    ];
}
