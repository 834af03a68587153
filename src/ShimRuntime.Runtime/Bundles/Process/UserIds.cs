using System.Globalization;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// uid and gid, 0 to 2³¹−1. Anything else is refused rather than converted: a number that wraps would become another user, root first
/// (CVE-2024-40635).
/// </summary>
internal static class UserIds
{
    public static uint Check(long id, string field) =>
        id is >= 0 and <= int.MaxValue ? (uint)id : throw Refusal.Invalid(field, $"{id} is not an id between 0 and {int.MaxValue}");

    /// <summary>
    /// An id if the text looks like a number at all (digits, or a sign and digits); null for a name. A number out of range is refused,
    /// never taken for a name.
    /// </summary>
    public static uint? Parse(string text, string field)
    {
        var digits = text.Length > 1 && text[0] is '-' or '+' ? text.AsSpan(1) : text;
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9')) return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? Check(id, field)
            : throw Refusal.Invalid(field, $"'{ContainerPath.Show(text)}' is not an id between 0 and {int.MaxValue}");
    }
}
