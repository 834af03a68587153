using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Pause;

/// <summary>
/// The program that a pod init ends up as: a static x86-64 ELF file of some 220 bytes that waits for ever. It has one thread, no
/// libraries, and needs about four pages; a whole runtime waiting in its place would keep one and a half megabytes for every pod.
/// </summary>
internal static class TinyInit
{
    private static ReadOnlySpan<byte> Code =>
    [
        0xb8, 157, 0, 0, 0, //                    mov  eax, 157          ; prctl(2)
        0xbf, 4, 0, 0, 0, //                      mov  edi, 4            ; PR_SET_DUMPABLE: exec has set it again
        0x31, 0xf6, //                            xor  esi, esi
        0x0f, 0x05, //                            syscall
        0xb8, 157, 0, 0, 0, //                    mov  eax, 157          ; prctl(2)
        0xbf, 15, 0, 0, 0, //                     mov  edi, 15           ; PR_SET_NAME: exec has named it after a descriptor
        0x48, 0x8d, 0x35, 11, 0, 0, 0, //         lea  rsi, [rip + 11]   ; name
        0x0f, 0x05, //                            syscall
        0xb8, 34, 0, 0, 0, //              wait:  mov  eax, 34           ; pause(2)
        0x0f, 0x05, //                            syscall
        0xeb, 0xf7, //                            jmp  wait
        (byte)'p', (byte)'a', (byte)'u', (byte)'s', (byte)'e', 0, // name
    ];

    /// <summary>The whole file.</summary>
    public static byte[] File() => StaticProgram.File(Code);
}
