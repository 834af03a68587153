using System.Buffers.Binary;

namespace ShimRuntime.Shim.Pause;

/// <summary>
/// The program that a pod init ends up as: a static x86-64 ELF file of some 220 bytes that waits for ever. It has one thread, no
/// libraries, and needs about four pages; a whole runtime waiting in its place would keep one and a half megabytes for every pod.
/// </summary>
internal static class TinyInit
{
    private const ulong LoadAddress = 0x400000;
    private const int HeaderBytes = 64; // Elf64_Ehdr, elf(5)
    private const int ProgramHeaderBytes = 56; // Elf64_Phdr
    private const int ProgramHeaders = 2;
    private const int CodeOffset = HeaderBytes + (ProgramHeaders * ProgramHeaderBytes);

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
    public static byte[] File()
    {
        var file = new byte[CodeOffset + Code.Length];
        WriteHeader(file);
        WriteSegment(file.AsSpan(HeaderBytes), 1, 5, (ulong)file.Length); // PT_LOAD, read and execute: the file itself
        WriteSegment(file.AsSpan(HeaderBytes + ProgramHeaderBytes), 0x6474e551, 6, 0); // PT_GNU_STACK: not executable
        Code.CopyTo(file.AsSpan(CodeOffset));
        return file;
    }

    private static void WriteHeader(Span<byte> header)
    {
        ReadOnlySpan<byte> identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]; // 64 bit, little endian, version 1
        identity.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], 2); // ET_EXEC
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], 62); // EM_X86_64
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1); // version
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], LoadAddress + CodeOffset); // entry
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], HeaderBytes); // program headers stand here
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[54..], ProgramHeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(header[56..], ProgramHeaders);
    }

    private static void WriteSegment(Span<byte> header, uint type, uint flags, ulong sizeBytes)
    {
        var address = sizeBytes == 0 ? 0 : LoadAddress;
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], flags);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], sizeBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], sizeBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(header[48..], 0x1000);
    }
}
