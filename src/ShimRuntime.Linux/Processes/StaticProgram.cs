using System.Buffers.Binary;

namespace ShimRuntime.Linux;

/// <summary>
/// Static x86-64 ELF files of a few hundred bytes, for what no process with a runtime in it can do: be single-threaded, or be small. They are
/// executed from memory files.
/// </summary>
public static class StaticProgram
{
    private const ulong LoadAddress = 0x400000;
    private const int HeaderBytes = 64; // Elf64_Ehdr, elf(5)
    private const int ProgramHeaderBytes = 56; // Elf64_Phdr
    private const int ProgramHeaders = 2;
    private const int CodeOffset = HeaderBytes + (ProgramHeaders * ProgramHeaderBytes);

    /// <summary>The whole file.</summary>
    /// <param name="code">x86-64, position independent; entered with argc at the stack's top (elf(5), System V ABI).</param>
    public static byte[] File(ReadOnlySpan<byte> code)
    {
        var file = new byte[CodeOffset + code.Length];
        WriteHeader(file);
        WriteSegment(file.AsSpan(HeaderBytes), 1, 5, (ulong)file.Length); // PT_LOAD, read and execute: the file itself
        WriteSegment(file.AsSpan(HeaderBytes + ProgramHeaderBytes), 0x6474e551, 6, 0); // PT_GNU_STACK: not executable
        code.CopyTo(file.AsSpan(CodeOffset));
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
