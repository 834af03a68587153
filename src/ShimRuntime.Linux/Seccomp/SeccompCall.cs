namespace ShimRuntime.Linux;

/// <summary>A system call that stands still until it is answered (seccomp_unotify(2), struct seccomp_notif).</summary>
/// <param name="Cookie">Names it in the answer.</param>
/// <param name="Thread">Who called, in our PID namespace; 0 when it is not visible there.</param>
/// <param name="Number">Of the call, by <paramref name="Architecture"/>.</param>
/// <param name="Architecture">AUDIT_ARCH_*: a 32-bit process on a 64-bit kernel has other numbers.</param>
public readonly record struct SeccompCall(ulong Cookie, int Thread, int Number, uint Architecture, SeccompArguments Arguments);

/// <summary>The first three of six arguments, as they were in the registers.</summary>
public readonly record struct SeccompArguments(ulong First, ulong Second, ulong Third);
