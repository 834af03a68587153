using ShimRuntime.Linux;
using ShimRuntime.Shim.Serving;

namespace ShimRuntime.Shim.Upgrades;

/// <summary>
/// <c>shimruntime-shim validate</c>: could this program go on with the state at fd 3, a copy? Says "valid VERSION schema N" at fd 1 and ends with 0, or why
/// not at fd 2 and ends with 1. Nothing else is touched.
/// </summary>
internal static class Validation
{
    public const string Word = "valid ";
    private const int StateFd = 3;

    public static int Run()
    {
        try
        {
            StateFile.Read(StateFd);
            CgroupHierarchy.Detect();
            ErrorLog.WriteRaw(1, $"{Word}{Dispatch.Version} schema {StateSchema.Current}\n");
            return 0;
        }
        catch (Exception e) when (e is RuntimeFault or IOException)
        {
            ErrorLog.WriteRaw(2, e.Message);
            return 1;
        }
    }
}
