using System.Globalization;
using System.Text;
using ShimRuntime.Shim.Logging;
using Xunit;

namespace ShimRuntime.Shim.Tests.Logging;

public class CriTimestampTests
{
    [Theory]
    [InlineData("2016-10-06T00:17:09.6697942Z", "2016-10-06T00:17:09.669794200Z")]
    [InlineData("2026-12-31T23:59:59.0000000Z", "2026-12-31T23:59:59.000000000Z")]
    public void It_is_RFC_3339_with_nanoseconds(string moment, string expected)
    {
        var bytes = new byte[CriTimestamp.Bytes];
        CriTimestamp.Write(bytes, DateTime.Parse(moment, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind));
        Assert.Equal(expected, Encoding.ASCII.GetString(bytes));
    }
}
