using ShimRuntime.Shim.Runc;
using Xunit;

namespace ShimRuntime.Shim.Tests.Runc;

public class CriuLogTests
{
    [Fact]
    public void The_first_errors_are_told_without_their_places()
    {
        const string Log = """
            (00.000065) Version: 3.17.1 (gitid 0)
            (01.180773) Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds
            (01.180777) Error (criu/vdso.c:613): vdso: Failed to fill self vdso symtable
            (00.374093) Warn  (criu/cr-restore.c:1297): something
            (05.428704)      1: Error (criu/files-reg.c:2093): File data has bad size 912 (expect 900)
            (05.668069) Error (criu/cr-restore.c:2537): Restoring FAILED.
            """;
        Assert.Equal("vdso: Unexpected rt vDSO area bounds; vdso: Failed to fill self vdso symtable; File data has bad size 912 (expect 900)",
            CriuLog.ErrorsIn(Log));
    }

    [Theory]
    [InlineData("")]
    [InlineData("(00.1) Warn (x.c:1): no error\n")]
    public void No_error_is_none(string log) => Assert.Null(CriuLog.ErrorsIn(log));

    [Fact]
    public void A_long_one_is_cut() => Assert.Equal(300, CriuLog.ErrorsIn("Error (a.c:1): " + new string('x', 5000))!.Length);
}
