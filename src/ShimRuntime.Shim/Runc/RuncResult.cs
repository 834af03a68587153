namespace ShimRuntime.Shim.Runc;

/// <summary>How one run of runc ended.</summary>
/// <param name="Error">runc's last error line, or why it could not run; empty after success.</param>
internal readonly record struct RuncResult(bool Succeeded, string Error);
