using System.Globalization;
using System.Text;
using System.Text.Json;
using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Oci;

namespace ShimRuntime.Daemon.Services;

/// <summary>Image records as CRI messages.</summary>
internal static class ImageMessages
{
    public static Image Image(ImageRecord image)
    {
        var message = new Image
        {
            Id = image.Id,
            RepoTags = { image.RepoTags },
            RepoDigests = { image.RepoDigests },
            Size = (ulong)Math.Max(0, image.SizeBytes),
            Pinned = image.Pinned,
        };
        // kubelet's runAsNonRoot looks at these two; neither set means root.
        var user = (image.Config.User ?? "").Split(':')[0];
        if (uint.TryParse(user, NumberStyles.None, CultureInfo.InvariantCulture, out var uid)) message.Uid = new Int64Value { Value = uid };
        else message.Username = user;
        return message;
    }

    public static FilesystemUsage Filesystem(ImageFilesystemUsage usage) => new()
    {
        Timestamp = (usage.MeasuredAt - DateTimeOffset.UnixEpoch).Ticks * 100,
        FsId = new FilesystemIdentifier { Mountpoint = usage.Mountpoint },
        UsedBytes = new UInt64Value { Value = (ulong)Math.Max(0, usage.UsedBytes) },
        InodesUsed = new UInt64Value { Value = (ulong)Math.Max(0, usage.InodesUsed) },
    };

    /// <summary>Null when the request brings no credentials at all: anonymous.</summary>
    public static RegistryCredentials? Credentials(AuthConfig? auth)
    {
        if (auth is null || auth.CalculateSize() == 0) return null;
        return new RegistryCredentials(
            Given(auth.Username),
            Given(auth.Password),
            Given(auth.Auth),
            Given(auth.ServerAddress),
            Given(auth.IdentityToken),
            Given(auth.RegistryToken));
    }

    /// <summary>{"chainID": …, "imageSpec": {"config": …}}: the keys that node tools read from containerd.</summary>
    public static string VerboseInfo(ImageRecord image)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("chainID"u8, image.ChainIds.IsDefaultOrEmpty ? "" : image.ChainIds[^1].ToString());
            json.WriteStartObject("imageSpec"u8);
            json.WritePropertyName("config"u8);
            JsonSerializer.Serialize(json, image.Config, ImageJson.Default.ImageConfig);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static string? Given(string value) => value.Length == 0 ? null : value;
}
