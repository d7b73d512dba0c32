// The program of a pod's sandbox: it holds the namespaces, reaps what is reparented to it, and ends when asked to.
// Written as machine code because no image can be pulled and no compiler be expected where Roder runs:
//
//   sigaction(SIGCHLD, SIG_IGN)         the kernel then reaps children by itself (sigaction(2))
//   sigprocmask(SIG_BLOCK, INT + TERM)  so that they wait even for process 1, which ignores unhandled signals
//   do signal = sigtimedwait(INT + TERM) while signal < 0
//   exit_group(0)

export type ProgramArchitecture = "amd64" | "arm64";

/** Where the file is mapped; its first bytes are the ELF header. */
const baseAddress = 0x400000;
const elfHeaderSize = 64;
const programHeaderSize = 56;

const signalInterrupt = 2;
const signalTerminate = 15;
const signalChild = 17;
const ignoreSignal = 1n;
const blockSignals = 0;
/** The size of the kernel's signal set in bytes. */
const signalSetSize = 8;

// The data lies between the headers and the code.
const ignoreActionOffset = elfHeaderSize + programHeaderSize;
const ignoreActionSize = 32;
const signalSetOffset = ignoreActionOffset + ignoreActionSize;
const codeOffset = signalSetOffset + signalSetSize;

interface InstructionSet {
  readonly elfMachine: number;
  readonly calls: {
    readonly sigaction: number;
    readonly sigprocmask: number;
    readonly sigtimedwait: number;
    readonly exitGroup: number;
  };
  /** Loads the arguments and makes the system call. */
  readonly call: (number: number, args: readonly number[]) => number[];
  /** Jumps back over itself and `distance` bytes before it when the last call's result is negative. */
  readonly backWhenNegative: (distance: number) => number[];
}

function littleEndian(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
}

const amd64: InstructionSet = {
  elfMachine: 0x3e,
  calls: { sigaction: 13, sigprocmask: 14, sigtimedwait: 128, exitGroup: 231 },
  call(number, args) {
    // mov edi/esi/edx/r10d, imm32 in the order of arguments; mov eax, imm32; syscall
    const moves = [[0xbf], [0xbe], [0xba], [0x41, 0xba]];
    const loads = args.flatMap((value, index) => [...moves[index]!, ...littleEndian(value)]);
    return [...loads, 0xb8, ...littleEndian(number), 0x0f, 0x05];
  },
  // test eax, eax; js rel8, counted from the end of the jump's two bytes
  backWhenNegative: (distance) => [0x85, 0xc0, 0x78, -(distance + 4) & 0xff],
};

const arm64: InstructionSet = {
  elfMachine: 0xb7,
  calls: { sigaction: 134, sigprocmask: 135, sigtimedwait: 137, exitGroup: 94 },
  call(number, args) {
    // movz/movk xN, imm16 for each argument; movz x8, number; svc #0
    const load = (register: number, value: number) => [
      ...littleEndian((0xd2800000 | ((value & 0xffff) << 5) | register) >>> 0),
      ...littleEndian((0xf2a00000 | ((value >>> 16) << 5) | register) >>> 0),
    ];
    return [...args.flatMap((value, index) => load(index, value)), ...load(8, number), ...littleEndian(0xd4000001)];
  },
  // tbnz w0, #31, offset counted in instructions from the jump itself
  backWhenNegative: (distance) => littleEndian((0x37f80000 | ((-(distance / 4) & 0x3fff) << 5)) >>> 0),
};

/** An ELF executable without libraries, some 300 bytes long. */
export function pauseProgram(architecture: ProgramArchitecture): Uint8Array<ArrayBuffer> {
  const set = architecture === "amd64" ? amd64 : arm64;
  const ignoreAction = baseAddress + ignoreActionOffset;
  const signals = baseAddress + signalSetOffset;
  const wait = set.call(set.calls.sigtimedwait, [signals, 0, 0, signalSetSize]);
  const code = [
    ...set.call(set.calls.sigaction, [signalChild, ignoreAction, 0, signalSetSize]),
    ...set.call(set.calls.sigprocmask, [blockSignals, signals, 0, signalSetSize]),
    ...wait,
    ...set.backWhenNegative(wait.length),
    ...set.call(set.calls.exitGroup, [0]),
  ];
  const file = new Uint8Array(codeOffset + code.length);
  writeHeaders(new DataView(file.buffer), set.elfMachine);
  const data = new DataView(file.buffer);
  // struct sigaction of the kernel: handler, flags, restorer, mask; all but the handler stay zero.
  data.setBigUint64(ignoreActionOffset, ignoreSignal, true);
  data.setBigUint64(signalSetOffset, (1n << BigInt(signalInterrupt - 1)) | (1n << BigInt(signalTerminate - 1)), true);
  file.set(code, codeOffset);
  return file;
}

/** The ELF header and one program header that maps the whole file readable and executable (elf(5)). */
function writeHeaders(header: DataView, machine: number): void {
  const fileSize = BigInt(header.byteLength);
  header.setUint32(0, 0x7f454c46); // magic
  header.setUint8(4, 2); // 64 bit
  header.setUint8(5, 1); // little-endian
  header.setUint8(6, 1); // version of the format
  header.setUint16(16, 2, true); // an executable
  header.setUint16(18, machine, true);
  header.setUint32(20, 1, true);
  header.setBigUint64(24, BigInt(baseAddress + codeOffset), true); // entry point
  header.setBigUint64(32, BigInt(elfHeaderSize), true); // where the program headers are
  header.setUint16(52, elfHeaderSize, true);
  header.setUint16(54, programHeaderSize, true);
  header.setUint16(56, 1, true); // how many
  const at = elfHeaderSize;
  header.setUint32(at, 1, true); // loadable
  header.setUint32(at + 4, 5, true); // readable and executable
  header.setBigUint64(at + 16, BigInt(baseAddress), true);
  header.setBigUint64(at + 24, BigInt(baseAddress), true);
  header.setBigUint64(at + 32, fileSize, true);
  header.setBigUint64(at + 40, fileSize, true);
  header.setBigUint64(at + 48, 0x10000n, true); // aligned to the largest page size of either architecture
}
