using Microsoft.Win32.SafeHandles;

namespace ShimRuntime.Linux;

/// <summary>
/// The program that makes a process PID 1 of a PID namespace owned by a user namespace: joining one is refused to a process with several
/// threads (setns(2)), so 178 bytes do it and hand over.
/// <code>
///   setns(3, CLONE_NEWUSER); setgroups(0), setresgid(0), setresuid(0)    root inside
///   unshare(CLONE_NEWPID | CLONE_NEWNS); clone(CLONE_PARENT)             the child is PID 1, and the caller's own child
///     child:  execveat(6, "", its own argv, no environment)
///   write(5, pid of the child); exit with 0, or with the errno of what failed
/// </code>
/// </summary>
public static class UserNamespaceEntry
{
    /// <summary>Of the namespace that is joined.</summary>
    public const int UserFd = 3;

    /// <summary>Receives four bytes: the pid that the child has for the caller.</summary>
    public const int PidFd = 5;

    /// <summary>What the child executes.</summary>
    public const int ExecutableFd = 6;

    /// <summary>Where the spawner has to map <see cref="Program"/>'s file.</summary>
    public const int ProgramFd = 7;

    /// <summary>argv: two strings, the child's.</summary>
    public static SafeFileHandle Program() => MemoryFile.SealedExecutable("userns-entry", StaticProgram.File(Code));

    private static ReadOnlySpan<byte> Code =>
    [
        0x4c, 0x8d, 0x64, 0x24, 8, //        lea  r12, [rsp + 8]  ; argv
        0xb8, 0x34, 1, 0, 0, //              mov  eax, 308        ; setns(3, CLONE_NEWUSER)
        0xbf, 3, 0, 0, 0, //                 mov  edi, 3
        0xbe, 0, 0, 0, 0x10, //              mov  esi, 0x10000000
        0x0f, 0x05, 0x85, 0xc0, //           syscall; test eax, eax
        0x75, 113, //                        jnz  failed
        0xb8, 116, 0, 0, 0, //               mov  eax, 116        ; setgroups(0, NULL)
        0x31, 0xff, 0x31, 0xf6, //           xor  edi, edi; xor esi, esi
        0x0f, 0x05, 0x85, 0xc0, //           syscall; test eax, eax
        0x75, 98, //                         jnz  failed
        0xb8, 119, 0, 0, 0, //               mov  eax, 119        ; setresgid(0, 0, 0)
        0x31, 0xd2, //                       xor  edx, edx
        0x0f, 0x05, 0x85, 0xc0, //           syscall; test eax, eax
        0x75, 85, //                         jnz  failed
        0xb8, 117, 0, 0, 0, //               mov  eax, 117        ; setresuid(0, 0, 0)
        0x0f, 0x05, 0x85, 0xc0, //           syscall; test eax, eax
        0x75, 74, //                         jnz  failed
        0xb8, 0x10, 1, 0, 0, //              mov  eax, 272        ; unshare(CLONE_NEWPID | CLONE_NEWNS)
        0xbf, 0, 0, 2, 0x20, //              mov  edi, 0x20020000
        0x0f, 0x05, 0x85, 0xc0, //           syscall; test eax, eax
        0x75, 58, //                         jnz  failed
        0xb8, 56, 0, 0, 0, //                mov  eax, 56         ; clone(CLONE_PARENT | SIGCHLD, 0, 0, 0, 0)
        0xbf, 0x11, 0x80, 0, 0, //           mov  edi, 0x8011
        0x31, 0xf6, 0x31, 0xd2, //           xor  esi, esi; xor edx, edx
        0x45, 0x31, 0xd2, //                 xor  r10d, r10d
        0x45, 0x31, 0xc0, //                 xor  r8d, r8d
        0x0f, 0x05, 0x85, 0xc0, //           syscall; test eax, eax
        0x78, 32, //                         js   failed
        0x74, 36, //                         jz   child
        0x50, //                             push rax
        0xb8, 1, 0, 0, 0, //                 mov  eax, 1          ; write(5, &pid, 4)
        0xbf, 5, 0, 0, 0, //                 mov  edi, 5
        0x48, 0x89, 0xe6, //                 mov  rsi, rsp
        0xba, 4, 0, 0, 0, //                 mov  edx, 4
        0x0f, 0x05, //                       syscall
        0x31, 0xff, //                       xor  edi, edi
        0xb8, 60, 0, 0, 0, //                mov  eax, 60         ; exit(2)
        0x0f, 0x05, //                       syscall
        0x89, 0xc7, 0xf7, 0xdf, //  failed:  mov  edi, eax; neg edi
        0xeb, 0xf3, //                       jmp  exit
        0x6a, 0, //                 child:   push 0
        0x48, 0x89, 0xe6, //                 mov  rsi, rsp        ; ""
        0xb8, 0x42, 1, 0, 0, //              mov  eax, 322        ; execveat(6, "", argv, envp, AT_EMPTY_PATH)
        0xbf, 6, 0, 0, 0, //                 mov  edi, 6
        0x4c, 0x89, 0xe2, //                 mov  rdx, r12
        0x4d, 0x8d, 0x54, 0x24, 24, //       lea  r10, [r12 + 24] ; behind argv's NULL
        0x41, 0xb8, 0, 0x10, 0, 0, //        mov  r8d, 0x1000
        0x0f, 0x05, //                       syscall
        0xeb, 0xd9, //                       jmp  failed
    ];
}
