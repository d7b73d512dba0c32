import type { Clock } from "../lib/index.ts";
import type { DiskUse, FileStatus, HostFiles, Space } from "./host.ts";

interface Entry {
  type: "file" | "directory" | "symlink" | "blockDevice";
  mode: number;
  uid: number;
  gid: number;
  content: Uint8Array;
  target: string;
  modifiedAtMs: number;
}

const linksMax = 40;

/** Files that are only remembered: for simulated nodes and tests. */
export class HollowFiles implements HostFiles {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#put("/", { type: "directory", mode: 0o755 });
  }

  async makeDirectory(path: string, mode?: number): Promise<void> {
    const real = this.#resolve(path);
    for (let at = real; at !== "" && !this.#entries.has(at); at = parentOf(at)) {
      this.#put(at, { type: "directory", mode: 0o755 });
    }
    const entry = this.#entries.get(real)!;
    if (entry.type !== "directory") throw new Error(`mkdir ${path}: not a directory`);
    if (mode !== undefined) entry.mode = mode;
  }

  async write(path: string, content: Uint8Array, mode: number): Promise<void> {
    const real = this.#resolve(path);
    if (this.#entries.get(parentOf(real) || "/")?.type !== "directory")
      throw new Error(`open ${path}: no such file or directory`);
    const { uid, gid } = this.#entries.get(real) ?? { uid: 0, gid: 0 };
    this.#put(real, { type: "file", mode, content: content.slice(), uid, gid });
  }

  async read(path: string, bytesMax = Number.POSITIVE_INFINITY, fromEnd = false): Promise<Uint8Array | undefined> {
    const entry = this.#entries.get(this.#resolve(path));
    if (entry?.type !== "file") return undefined;
    const { content } = entry;
    return fromEnd ? content.slice(Math.max(0, content.length - bytesMax)) : content.slice(0, bytesMax);
  }

  async space(path: string): Promise<Space | undefined> {
    if (!this.#entries.has(this.#resolve(path))) return undefined;
    return { capacityBytes: 1_000, availableBytes: 600, usedBytes: 400, inodes: 100, inodesFree: 90 };
  }

  async diskUse(path: string): Promise<DiskUse> {
    const real = this.#resolve(path, false);
    let [bytes, inodes] = [0, 0];
    for (const [each, { content }] of this.#entries) {
      if (each !== real && !each.startsWith(`${real}/`)) continue;
      bytes += content.length;
      inodes++;
    }
    return { bytes, inodes };
  }

  async list(path: string): Promise<readonly string[]> {
    const prefix = `${this.#resolve(path)}/`.replace("//", "/");
    const names = new Set<string>();
    for (const each of this.#entries.keys()) {
      if (each.startsWith(prefix) && each !== prefix) names.add(each.slice(prefix.length).split("/")[0]!);
    }
    return [...names].sort();
  }

  async status(path: string): Promise<FileStatus | undefined> {
    const entry = this.#entries.get(this.#resolve(path, false));
    if (!entry) return undefined;
    const { type, mode, uid, gid, content, modifiedAtMs } = entry;
    return { type, mode, uid, gid, sizeBytes: content.length, modifiedAtMs };
  }

  async realPath(path: string): Promise<string | undefined> {
    const real = this.#resolve(path);
    return this.#entries.has(real) ? real : undefined;
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#resolve(from, false);
    const target = this.#resolve(to, false);
    if (!this.#entries.has(source)) throw new Error(`rename ${from}: no such file or directory`);
    for (const [path, entry] of [...this.#entries]) {
      if (path !== source && !path.startsWith(`${source}/`)) continue;
      this.#entries.delete(path);
      this.#entries.set(target + path.slice(source.length), entry);
    }
  }

  async makeBlockDevice(path: string): Promise<void> {
    this.#put(this.#resolve(path), { type: "blockDevice", mode: 0o660 });
  }

  async symlink(target: string, path: string): Promise<void> {
    const real = this.#resolve(path, false);
    if (this.#entries.has(real)) throw new Error(`symlink ${path}: file exists`);
    this.#put(real, { type: "symlink", mode: 0o777, target });
  }

  async readLink(path: string): Promise<string | undefined> {
    const entry = this.#entries.get(this.#resolve(path, false));
    return entry?.type === "symlink" ? entry.target : undefined;
  }

  async setMode(path: string, mode: number): Promise<void> {
    this.#existing(path).mode = mode;
  }

  async setOwner(path: string, uid: number, gid: number): Promise<void> {
    const entry = this.#entries.get(this.#resolve(path, false)) ?? this.#existing(path);
    if (uid >= 0) entry.uid = uid;
    if (gid >= 0) entry.gid = gid;
  }

  async remove(path: string): Promise<void> {
    const real = this.#resolve(path, false);
    for (const each of [...this.#entries.keys()]) {
      if (each === real || each.startsWith(`${real}/`)) this.#entries.delete(each);
    }
  }

  async compress(from: string, to: string): Promise<void> {
    await this.rename(from, to);
  }

  #existing(path: string): Entry {
    const entry = this.#entries.get(this.#resolve(path));
    if (!entry) throw new Error(`${path}: no such file or directory`);
    return entry;
  }

  #put(path: string, entry: Partial<Entry>): void {
    this.#entries.set(path, {
      type: "file",
      mode: 0o644,
      uid: 0,
      gid: 0,
      content: new Uint8Array(),
      target: "",
      modifiedAtMs: this.#clock.now(),
      ...entry,
    });
  }

  /** The path without links on the way; the last part is followed too unless `last` is false. */
  #resolve(path: string, last = true): string {
    let links = 0;
    let done = "";
    let rest = path.split("/");
    while (rest.length > 0) {
      const [name = "", ...later] = rest;
      rest = later;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        done = parentOf(done);
        continue;
      }
      const entry = this.#entries.get(`${done}/${name}`);
      if (entry?.type !== "symlink" || (rest.length === 0 && !last)) {
        done = `${done}/${name}`;
        continue;
      }
      if (++links > linksMax) throw new Error(`${path}: too many levels of symbolic links`);
      if (entry.target.startsWith("/")) done = "";
      rest = [...entry.target.split("/"), ...rest];
    }
    return done || "/";
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
