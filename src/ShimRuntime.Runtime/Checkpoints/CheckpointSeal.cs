using System.Security.Cryptography;
using System.Text;
using ShimRuntime.Images;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// A keyed hash over every file of a checkpoint archive, in one more file of it. CRIU makes of its images, with the host's rights, whatever they
/// say (credentials, mounts, cgroups), so an archive is as good as a root shell; the seal says that a runtime with this key has written it, and
/// nobody has changed it since. Tar is not part of it: a repacked archive keeps its seal.
/// </summary>
internal sealed class CheckpointSeal(string keyPath)
{
    public const string FileName = "shimruntime.seal";
    private const string Heading = "shimruntime checkpoint seal 1\n";
    private const int KeyBytes = 32;
    private const int MaxKeyBytes = 4096;
    private static readonly Lock Making = new();

    /// <summary>Makes the key when there is none.</summary>
    public byte[] Of(IEnumerable<KeyValuePair<string, ArchivedFile>> files)
    {
        MakeKey();
        return Sealed(Text(files));
    }

    /// <summary>True when exactly these files were sealed with this node's key.</summary>
    /// <param name="files">All of the archive, the seal itself among them.</param>
    /// <param name="seal">Its content.</param>
    public bool Holds(IEnumerable<KeyValuePair<string, ArchivedFile>> files, byte[] seal) =>
        File.Exists(keyPath) && CryptographicOperations.FixedTimeEquals(Sealed(Text(files.Where(f => f.Key != FileName))), seal);

    private static string Text(IEnumerable<KeyValuePair<string, ArchivedFile>> files)
    {
        var text = new StringBuilder(Heading);
        foreach (var (name, file) in files.OrderBy(f => f.Key, StringComparer.Ordinal))
            text.Append(file.Sha256).Append(' ').Append(file.SizeBytes).Append(' ').Append(name).Append('\n');
        return text.ToString();
    }

    private byte[] Sealed(string text)
    {
        var hash = Convert.ToHexStringLower(HMACSHA256.HashData(Key(), Encoding.UTF8.GetBytes(text)));
        return Encoding.UTF8.GetBytes($"{text}hmac-sha256 {hash}\n");
    }

    private void MakeKey()
    {
        lock (Making)
        {
            var made = $"{RandomNumberGenerator.GetHexString(2 * KeyBytes, true)}\n";
            if (!File.Exists(keyPath)) DurableFile.Write(keyPath, Encoding.ASCII.GetBytes(made));
        }
    }

    /// <summary>Read each time: the operator may put another one there.</summary>
    private byte[] Key()
    {
        var key = File.ReadAllBytes(keyPath);
        return key.Length is >= KeyBytes and <= MaxKeyBytes ? key : throw RuntimeFault.FailedPrecondition(
            $"failed to use '{keyPath}': it has {key.Length} bytes, and a key has {KeyBytes} to {MaxKeyBytes}; put a right one there, or none");
    }
}
