import { type FileHandle, open } from "node:fs/promises";

/** By how much the file grows, so that it rarely has to: writing as much takes some 5 ms. */
const growth = Buffer.alloc(4 * 1024 * 1024);
/** So far ahead of its last page the file comes to be, in steps: to ask where that is costs as much as some commits. */
const aheadBytesMax = 16 * 1024 * 1024;

/**
 * Keeps the database's file longer than its last page, with blocks that the file system has given already. A full disk
 * is then met here, and never in the middle of a transaction, where lmdb-js 3.5 writes over its own memory.
 */
export class Room {
  /** Opened for appending: what LMDB has written, nothing here can reach. */
  readonly #file: FileHandle;
  /** How long the file is at least: nothing ever makes it shorter. */
  #size: number;
  /** What is certainly left behind the last page. */
  #leftBytes = 0;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  static async open(path: string): Promise<Room> {
    const file = await open(path, "a");
    return new Room(file, (await file.stat()).size);
  }

  /**
   * Makes sure that a transaction can add `neededBytes` to the `usedBytes` of the file; rejects with the file system's
   * error when it cannot.
   */
  async ensure(neededBytes: number, usedBytes: () => number): Promise<void> {
    if (neededBytes > this.#leftBytes) {
      const used = usedBytes();
      // On a full disk it cannot, which matters only when what is there is too little.
      if (this.#size < used + Math.min(used, aheadBytesMax)) await this.#grow().catch(() => {});
      while (this.#size < used + neededBytes) await this.#grow();
      this.#leftBytes = this.#size - used;
    }
    this.#leftBytes -= neededBytes;
  }

  async #grow(): Promise<void> {
    this.#size += (await this.#file.write(growth)).bytesWritten;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
