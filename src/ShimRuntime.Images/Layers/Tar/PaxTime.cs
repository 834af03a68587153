using System.Globalization;
using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>Times of pax records: decimal seconds with any number of fraction digits, also negative.</summary>
internal static class PaxTime
{
    private const int MaxTextBytes = 64;

    public static FileTime Parse(ReadOnlySpan<byte> text)
    {
        var negative = !text.IsEmpty && text[0] == '-';
        var digits = negative ? text[1..] : text;
        var point = digits.IndexOf((byte)'.');
        var whole = point < 0 ? digits : digits[..point];
        var fraction = point < 0 ? default : digits[(point + 1)..];
        if (text.Length > MaxTextBytes || fraction.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            throw new TarFormatException("a pax time is not a number");
        }

        var seconds = TarNumber.ParseDecimal(whole, "a pax time");
        var nineDigits = Encoding.ASCII.GetString(fraction).PadRight(9, '0').AsSpan(0, 9);
        var nanoseconds = uint.Parse(nineDigits, NumberStyles.None, CultureInfo.InvariantCulture);
        if (!negative) return new FileTime(seconds, nanoseconds);
        return nanoseconds == 0 ? new FileTime(-seconds, 0) : new FileTime(-seconds - 1, 1_000_000_000 - nanoseconds);
    }
}
