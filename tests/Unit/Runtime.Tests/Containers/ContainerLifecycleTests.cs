using System.Text;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public class ContainerLifecycleTests
{
    // Rows: phases; columns: events; "-": refused. The whole machine, so that no cell changes unseen.
    private const string Table = """
                   Prepared   StartRequested Started    StopRequested Ended      RemoveRequested
        Creating   Created    -              -          -             -          Removing
        Created    -          Starting       -          Created       Exited     Removing
        Starting   -          -              Running    Stopping      Exited     -
        Running    -          -              -          Stopping      Exited     -
        Stopping   -          -              Stopping   Stopping      Exited     -
        Exited     -          -              -          Exited        Exited     Removing
        Removing   -          -              -          Removing      Removing   Removing
        """;

    [Fact]
    public void The_whole_table_is_as_drawn() => Assert.Equal(Words(Table), Words(Print()));

    [Fact]
    public void Nothing_leads_back_to_life()
    {
        foreach (var dead in new[] { ContainerPhase.Exited, ContainerPhase.Removing })
        {
            foreach (var happened in Enum.GetValues<ContainerEvent>())
            {
                var next = ContainerLifecycle.Next(dead, happened);
                Assert.True(next is null or ContainerPhase.Exited or ContainerPhase.Removing, $"{dead}, {happened}: {next}");
            }
        }
    }

    [Fact]
    public void A_phase_with_a_process_can_only_be_left_by_its_end()
    {
        foreach (var phase in Enum.GetValues<ContainerPhase>().Where(ContainerLifecycle.HasProcess))
        {
            Assert.Null(ContainerLifecycle.Next(phase, ContainerEvent.RemoveRequested));
            Assert.Equal(ContainerPhase.Exited, ContainerLifecycle.Next(phase, ContainerEvent.Ended));
        }
    }

    private static string Print()
    {
        var text = new StringBuilder(string.Join(' ', Enum.GetNames<ContainerEvent>())).AppendLine();
        foreach (var phase in Enum.GetValues<ContainerPhase>())
        {
            text.Append(phase);
            foreach (var happened in Enum.GetValues<ContainerEvent>())
                text.Append(' ').Append(ContainerLifecycle.Next(phase, happened)?.ToString() ?? "-");
            text.AppendLine();
        }

        return text.ToString();
    }

    private static string[] Words(string table) => table.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
}
