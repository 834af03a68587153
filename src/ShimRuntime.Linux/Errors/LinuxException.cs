using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>A system call that failed: which, on what, and with which errno.</summary>
public sealed class LinuxException : IOException
{
    public LinuxException(string call, int errno, string? subject = null)
        : base($"{call}{(subject is null ? "" : $" '{subject}'")}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
    {
        Call = call;
        ErrorNumber = errno;
    }

    public string Call { get; }

    public int ErrorNumber { get; }

    /// <summary>The exception for the errno that the last P/Invoke left.</summary>
    public static LinuxException Last(string call, string? subject = null) => new(call, Marshal.GetLastPInvokeError(), subject);

    /// <summary>Returns <paramref name="result"/>, or throws for the last errno when it is negative.</summary>
    public static int Check(int result, string call, string? subject = null) => result >= 0 ? result : throw Last(call, subject);

    /// <inheritdoc cref="Check(int, string, string?)"/>
    public static nint Check(nint result, string call, string? subject = null) => result >= 0 ? result : throw Last(call, subject);
}
