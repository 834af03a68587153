using System.Text;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using Tmds.Linux;

namespace ShimRuntime.Daemon.Checks;

/// <summary>Runs <c>runc --version</c> and judges the number.</summary>
internal static class RuncCheck
{
    private const string Subject = "runc";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private static readonly Version Oldest = new(1, 1, 0);

    /// <summary>First release without the leaked-descriptor escape (CVE-2024-21626).</summary>
    private static readonly Version Sealed = new(1, 1, 12);

    public static async Task<CheckResult> RunAsync(string path, ExitWatcher exits)
    {
        if (BinaryChecks.Problem(Subject, path, "install runc, or set runc_path") is { } problem) return problem;
        try
        {
            using var deadline = new CancellationTokenSource(Deadline);
            var output = await OutputAsync(path, exits, deadline.Token);
            return Judge(path, output);
        }
        catch (OperationCanceledException)
        {
            return CheckResult.Broken(Subject, $"{path} --version did not end within {Deadline.TotalSeconds:0} s");
        }
        catch (IOException e)
        {
            return CheckResult.Broken(Subject, $"{path} can't be run: {e.Message}");
        }
    }

    /// <param name="output">"runc version 1.1.5+ds1\n…".</param>
    internal static CheckResult Judge(string path, string output)
    {
        var words = output.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        var text = words.Length > 2 && words[0] == "runc" && words[1] == "version" ? words[2] : "";
        var number = new string([.. text.TakeWhile(c => char.IsAsciiDigit(c) || c == '.')]).Trim('.');
        if (!Version.TryParse(number, out var version)) return CheckResult.Broken(Subject, $"{path} --version says '{output.Trim()}', no runc version");
        if (version < Oldest) return CheckResult.Broken(Subject, $"{path} is {text}; {Oldest} is the oldest that works");
        return version < Sealed
            ? CheckResult.Limited(Subject, $"{path} is {text}; upstream fixed CVE-2024-21626 in {Sealed}: make sure that your distribution did too")
            : CheckResult.Fine(Subject, $"{path} is {text}");
    }

    private static async Task<string> OutputAsync(string path, ExitWatcher exits, CancellationToken deadline)
    {
        var (read, write) = Pipe();
        using (read)
        {
            SpawnedProcess child;
            using (write)
            {
                child = Spawner.Spawn(new SpawnRequest
                {
                    Path = path,
                    Arguments = [path, "--version"],
                    Fds = [new FdMapping((int)write.DangerousGetHandle(), 1)],
                });
            }

            using (child)
            {
                try
                {
                    await exits.WaitAsync(child.PidFd, deadline);
                }
                catch (OperationCanceledException)
                {
                    child.PidFd.Signal(LibC.SIGKILL);
                    throw;
                }
                finally
                {
                    await exits.ReapAsync(child, CancellationToken.None);
                }

                // The whole answer is in the pipe: the child has ended, and a version is shorter than a pipe's 64 KiB.
                var buffer = new byte[4096];
                return Encoding.UTF8.GetString(buffer, 0, RandomAccess.Read(read, buffer, 0));
            }
        }
    }

    private static unsafe (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        var fds = stackalloc int[2];
        if (LibC.pipe2(fds, LibC.O_CLOEXEC) != 0) throw new LinuxException("pipe2", LibC.errno);
        return (new SafeFileHandle(fds[0], true), new SafeFileHandle(fds[1], true));
    }
}
