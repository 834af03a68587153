using System.Text.Json;
using System.Text.Json.Serialization;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Upgrades;

/// <summary>
/// What a daemon that ends in order leaves to the one after it, beside the sockets: URLs of streams that nobody has opened yet, and where events are
/// counted on from. One file in the state directory, taken away when it is read; without it nothing is lost but those URLs.
/// </summary>
internal sealed record HandoverState
{
    private const string FileName = "handover.json";

    public ulong EventSequence { get; init; }

    public IReadOnlyList<UnredeemedStream> Streams { get; init; } = [];

    public void Write(string stateDirectory) =>
        DurableFile.WriteVolatile(Path.Combine(stateDirectory, FileName), JsonSerializer.SerializeToUtf8Bytes(this, HandoverJson.Default.HandoverState));

    /// <summary>Empty when there is none, or none that can be read: a state of another version is no reason not to start.</summary>
    public static HandoverState Take(string stateDirectory)
    {
        var path = Path.Combine(stateDirectory, FileName);
        try
        {
            var bytes = File.ReadAllBytes(path);
            File.Delete(path);
            return JsonSerializer.Deserialize(bytes, HandoverJson.Default.HandoverState) ?? new HandoverState();
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return new HandoverState();
        }
    }
}

/// <summary>A stream's URL that was given and not used.</summary>
/// <param name="Kind">exec, attach or portforward.</param>
/// <param name="Request">The CRI request, as protobuf.</param>
internal sealed record UnredeemedStream(string Kind, string Token, byte[] Request, DateTimeOffset Expires);

[JsonSerializable(typeof(HandoverState))]
internal sealed partial class HandoverJson : JsonSerializerContext;
