using System.Globalization;

namespace ShimRuntime.Shim.Logging;

/// <summary>RFC 3339 with nanoseconds in UTC, always 30 bytes: <c>2016-10-06T00:17:09.669794200Z</c>.</summary>
internal static class CriTimestamp
{
    public const int Bytes = 30;

    /// <param name="target">At least <see cref="Bytes"/>.</param>
    public static void Write(Span<byte> target, DateTime utc)
    {
        // "O" ends in seven digits and Z; two zeroes make them nanoseconds.
        utc.TryFormat(target, out _, "O", CultureInfo.InvariantCulture);
        "00Z"u8.CopyTo(target[27..]);
    }
}
