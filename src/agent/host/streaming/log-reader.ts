import { type FSWatcher, watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type LogOptions, LogPrinter } from "./log-lines.ts";

const readBytes = 64 * 1024;
const newline = 0x0a;

export interface LogRequest {
  readonly path: string;
  readonly options: LogOptions;
  /** Resolves when nothing will be written any more; only asked when the log is followed. */
  readonly ended: Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * The log as `kubectl logs` prints it, in pieces. Followed, it goes on over rotations until the container has ended.
 * Throws when the file cannot be opened.
 */
export async function openLog(request: LogRequest): Promise<AsyncIterable<Buffer>> {
  const file = await open(request.path, "r");
  return readLog(file, request);
}

async function* readLog(first: FileHandle, { path, options, ended, signal }: LogRequest): AsyncIterable<Buffer> {
  const printer = new LogPrinter(options);
  let changes: FileChanges | undefined;
  let file = first;
  try {
    // The kernel may have no more watches to give.
    changes = options.follow ? new FileChanges(path, ended, signal) : undefined;
    let reader = new LineReader(file, await tailStart(file, options.tailLines));
    for (;;) {
      // What was known before the last read: a line written after it must not be missed.
      const last = changes?.over ?? true;
      for await (const lines of reader.lines()) {
        const printed = lines.flatMap((line) => printer.print(line));
        if (printed.length > 0) yield Buffer.concat(printed);
        if (printer.full || signal.aborted) return;
      }
      if (last || !changes) {
        const printed = printer.print(reader.rest);
        if (printed.length > 0) yield Buffer.concat(printed);
        return;
      }
      const next = await rotated(file, path);
      if (next) {
        // The runtime may have written between the last read and the rotation.
        for await (const lines of reader.lines()) yield Buffer.concat(lines.flatMap((line) => printer.print(line)));
        await file.close();
        file = next;
        reader = new LineReader(file, 0);
      } else await changes.wait();
      if (signal.aborted) return;
    }
  } finally {
    changes?.close();
    await file.close();
  }
}

/** The file that is at the path now, when it is another one than `file`. */
async function rotated(file: FileHandle, path: string): Promise<FileHandle | undefined> {
  let now: FileHandle;
  try {
    now = await open(path, "r");
  } catch (error) {
    // Between the renaming of the old and the making of the new file there is none.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const [current, next] = [await file.stat(), await now.stat()];
  if (current.ino !== next.ino) return now;
  await now.close();
  return undefined;
}

/** Reads whole lines from where the last read ended. */
class LineReader {
  readonly #file: FileHandle;
  #position: number;
  /** What was read after the last line's end. */
  rest: Buffer = Buffer.alloc(0);

  constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.#position = position;
  }

  /** The lines up to the file's present end, some at a time. */
  async *lines(): AsyncGenerator<Buffer[]> {
    for (;;) {
      const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(readBytes), 0, readBytes, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      const lines: Buffer[] = [];
      let bytes = buffer.subarray(0, bytesRead);
      if (this.rest.length > 0) bytes = Buffer.concat([this.rest, bytes]);
      let at = 0;
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, at)) {
        lines.push(bytes.subarray(at, end + 1));
        at = end + 1;
      }
      this.rest = bytes.subarray(at);
      yield lines;
    }
  }
}

/** Where the last `count` lines begin. An unfinished line at the end counts for none, as with the kubelet. */
async function tailStart(file: FileHandle, count: number | undefined): Promise<number> {
  if (count === undefined) return 0;
  let { size: position } = await file.stat();
  if (count === 0) return position;
  // The end of the last line is passed before the first line is counted.
  let ends = count + 1;
  const block = Buffer.allocUnsafe(readBytes);
  while (position > 0) {
    const start = Math.max(0, position - readBytes);
    const { bytesRead } = await file.read(block, 0, position - start, start);
    const bytes = block.subarray(0, bytesRead);
    for (let at = bytes.lastIndexOf(newline); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(newline, at - 1)) {
      if (--ends === 0) return start + at + 1;
    }
    position = start;
  }
  return 0;
}

/** Tells that a file or its end changed; what happens while nobody waits is kept. */
class FileChanges {
  readonly #watcher: FSWatcher;
  readonly #signal: AbortSignal;
  #changed = false;
  #wake: (() => void) | undefined;
  /** Whether the writer has ended. */
  over = false;

  constructor(path: string, ended: Promise<void>, signal: AbortSignal) {
    const name = basename(path);
    // The directory, not the file: a rotated log is another file of the same name.
    this.#watcher = watch(dirname(path), (_, changedName) => {
      if (changedName === null || changedName === name) this.#tell();
    });
    // The pod's directory is removed with the pod: the end of the container is what ends the log.
    this.#watcher.on("error", () => this.#tell());
    const end = () => {
      this.over = true;
      this.#tell();
    };
    // Not knowing when a container ends is as its end: a log that is never over would wait for ever.
    ended.then(end, end);
    this.#signal = signal;
    signal.addEventListener("abort", this.#tell);
  }

  async wait(): Promise<void> {
    if (!this.#changed && !this.#signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    this.#changed = false;
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#tell);
    this.#watcher.close();
  }

  readonly #tell = (): void => {
    this.#changed = true;
    this.#wake?.();
    this.#wake = undefined;
  };
}
