using System.Buffers.Binary;
using System.Text;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// CRIU's image of a UTS namespace (images/utsns.proto): two magic numbers, a length, and an entry of nodename and domainname. CRIU writes
/// these names into the namespace that a restored container joins, which is the new pod's: so they have to be that pod's.
/// </summary>
internal static class UtsImage
{
    private const int MagicBytes = 8;
    private const int LengthBytes = 4;
    private const int MaxNameBytes = 64; // __NEW_UTS_LEN: one byte of length each
    private const string NoDomain = "(none)"; // the kernel's, in every new namespace

    /// <exception cref="InvalidDataException">It is no such image.</exception>
    public static void SetHostname(string directory, string hostname)
    {
        foreach (var path in Directory.EnumerateFiles(directory, "utsns-*.img"))
        {
            var old = File.ReadAllBytes(path);
            if (old.Length < MagicBytes + LengthBytes) throw new InvalidDataException($"'{Path.GetFileName(path)}' is cut off");
            File.WriteAllBytes(path, [.. old.AsSpan(0, MagicBytes), .. Entry(hostname)]);
        }
    }

    private static byte[] Entry(string hostname)
    {
        byte[] entry = [.. Field(1, hostname), .. Field(2, NoDomain)];
        var length = new byte[LengthBytes];
        BinaryPrimitives.WriteInt32LittleEndian(length, entry.Length);
        return [.. length, .. entry];
    }

    private static byte[] Field(int number, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length > MaxNameBytes) throw new InvalidDataException($"'{text}' is longer than a host's name may be");
        return [(byte)((number << 3) | 2), (byte)bytes.Length, .. bytes];
    }
}
