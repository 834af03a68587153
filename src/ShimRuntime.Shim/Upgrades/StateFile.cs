using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Serving;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Upgrades;

/// <summary>The state in a memory file.</summary>
internal static class StateFile
{
    public const int MaxBytes = 4 * 1024 * 1024;

    /// <exception cref="RuntimeFault">It is none, or this shim can't go on with it.</exception>
    public static SavedShim Read(int fd)
    {
        SavedShim saved;
        try
        {
            saved = SavedShim.Parser.ParseFrom(LaunchFile.ReadAll(fd));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw RuntimeFault.FailedPrecondition($"fd {fd} holds no state of a shim: {e.Message}");
        }

        StateSchema.Check(saved);
        StateCheck.Run(saved);
        return saved;
    }
}
