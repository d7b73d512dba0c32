// From a container's log file to what `kubectl logs` prints. The file's format is CRI's: TIME STREAM TAGS MESSAGE.

export interface LogOptions {
  /** How many of the file's last lines; undefined is all. */
  readonly tailLines?: number;
  /** Lines before this are left out. */
  readonly sinceMs?: number;
  readonly timestamps: boolean;
  /** What is given out ends here, also in the middle of a line. */
  readonly limitBytes?: number;
  readonly follow: boolean;
}

const newline = 0x0a;
const space = 0x20;
const partialTag = 0x50;

/** Prints lines one after the other: it knows whether the last one was only a part of a line, and how much may still follow. */
export class LogPrinter {
  readonly #options: LogOptions;
  #bytesLeft: number;
  #linesLeft: number;
  #atLineStart = true;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#bytesLeft = options.limitBytes ?? Number.POSITIVE_INFINITY;
    // While it is read, a file grows past what its tail was when it was measured; a follower wants just that.
    this.#linesLeft = options.follow ? Number.POSITIVE_INFINITY : (options.tailLines ?? Number.POSITIVE_INFINITY);
  }

  /** Whether nothing more will be printed. */
  get full(): boolean {
    return this.#bytesLeft <= 0 || this.#linesLeft <= 0;
  }

  /** What is printed of `line`, a line of the file without or with its end; nothing for what is none of a log. */
  print(line: Buffer): readonly Buffer[] {
    if (this.full) return [];
    const timeEnd = line.indexOf(space);
    const streamEnd = line.indexOf(space, timeEnd + 1);
    const tagsEnd = line.indexOf(space, streamEnd + 1);
    if (timeEnd < 0 || streamEnd < 0 || tagsEnd < 0) return [];
    const time = line.toString("latin1", 0, timeEnd);
    const timeMs = Date.parse(time);
    if (Number.isNaN(timeMs)) return [];
    const partial = line[streamEnd + 1] === partialTag;
    const end = partial && line.at(-1) === newline ? line.length - 1 : line.length;
    const message = line.subarray(tagsEnd + 1, end);
    const { sinceMs, timestamps } = this.#options;
    const parts: Buffer[] = [];
    if (sinceMs === undefined || timeMs >= sinceMs) {
      if (timestamps && this.#atLineStart) this.#take(parts, Buffer.from(`${fixedNanoseconds(time)} `));
      this.#take(parts, message);
    }
    this.#linesLeft--;
    this.#atLineStart = message.length === 0 || message.at(-1) === newline;
    return parts;
  }

  #take(parts: Buffer[], bytes: Buffer): void {
    const taken = bytes.length > this.#bytesLeft ? bytes.subarray(0, this.#bytesLeft) : bytes;
    this.#bytesLeft -= taken.length;
    if (taken.length > 0) parts.push(taken);
  }
}

/** The time with nine digits of a second, as the kubelet prints it; runtimes leave out zeros at the end. */
function fixedNanoseconds(time: string): string {
  const match = /^([^.Z+]+?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (!match) return time;
  const [, seconds, fraction = "", zone] = match;
  return `${seconds}.${fraction.padEnd(9, "0")}${zone}`;
}
