using ShimRuntime.Shim.Containers;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.Shim.Tests.Containers;

public class ShimLifecycleTests
{
    [Fact]
    public void The_whole_table()
    {
        var rows = from state in Enum.GetValues<ShimState>()
                   where state != ShimState.Unspecified
                   from happened in Enum.GetValues<ShimEvent>()
                   select $"{state} {happened} -> {ShimLifecycle.Next(state, happened)?.ToString() ?? "refused"}";
        Assert.Equal(
            """
            Created StartAsked -> Starting
            Created RuncSucceeded -> refused
            Created StopAsked -> refused
            Created ExitRecorded -> refused
            Starting StartAsked -> refused
            Starting RuncSucceeded -> Running
            Starting StopAsked -> Starting
            Starting ExitRecorded -> Exited
            Running StartAsked -> refused
            Running RuncSucceeded -> refused
            Running StopAsked -> Stopping
            Running ExitRecorded -> Exited
            Stopping StartAsked -> refused
            Stopping RuncSucceeded -> refused
            Stopping StopAsked -> Stopping
            Stopping ExitRecorded -> Exited
            Exited StartAsked -> refused
            Exited RuncSucceeded -> refused
            Exited StopAsked -> Exited
            Exited ExitRecorded -> refused
            """,
            string.Join('\n', rows));
    }
}
