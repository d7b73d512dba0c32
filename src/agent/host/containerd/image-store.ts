import { execFile } from "node:child_process";
import { type Clock, sleep } from "../../../lib/index.ts";
import type { CriEngine } from "../../engine/cri/index.ts";
import type { Image } from "../../engine/index.ts";
import { connectEngine } from "./engine.ts";

/** The namespace of containerd whose images its CRI plugin sees. */
const criNamespace = "k8s.io";
/** The CRI plugin learns of a new image by an event; this long may that take. */
const noticeMsMax = 10_000;
const askAgainMs = 10;

export interface ImageStoreSettings {
  readonly socketPath: string;
  readonly snapshotter: "overlayfs" | "native";
  readonly clock: Clock;
  /** containerd's command line program; found on PATH when left out. */
  readonly program?: string;
}

/** The images of one containerd, for who brings them as files. */
export class ImageStore {
  readonly #settings: ImageStoreSettings;

  constructor(settings: ImageStoreSettings) {
    this.#settings = settings;
  }

  /**
   * Takes in the images of an archive (OCI layout or `docker save`): a file's path, or its bytes. Returns their full names.
   * Throws when it is no such archive or has no image for this machine's processor.
   */
  async load(archive: string | Uint8Array): Promise<readonly string[]> {
    const path = typeof archive === "string" ? archive : "-";
    const subject = typeof archive === "string" ? archive : "the archive";
    const input = typeof archive === "string" ? undefined : archive;
    const output = await this.#ctr(
      ["images", "import", "--snapshotter", this.#settings.snapshotter, path],
      `cannot load images from ${subject}`,
      input,
    );
    // One line "unpacking NAME (sha256:…)...done" for each image.
    const names = [...output.matchAll(/^unpacking (\S+) \(/gm)].map((match) => match[1]!);
    if (names.length === 0) throw new Error(`${subject} holds no image with a name`);
    await this.#noticed(names);
    return names;
  }

  async list(): Promise<readonly Image[]> {
    return this.#withEngine((engine) => engine.listImages());
  }

  /** Removes an image by name or id; false when there is none. */
  async remove(image: string): Promise<boolean> {
    return this.#withEngine(async (engine) => {
      if (!(await engine.imageStatus(image))) return false;
      await engine.removeImage(image);
      return true;
    });
  }

  /** Resolves when CRI knows the images. It is told by events and says nothing when it took them in. */
  async #noticed(names: readonly string[]): Promise<void> {
    const { clock } = this.#settings;
    const giveUpAtMs = clock.monotonicMs() + noticeMsMax;
    await this.#withEngine(async (engine) => {
      for (const name of names) {
        while (!(await engine.imageStatus(name))) {
          if (clock.monotonicMs() > giveUpAtMs) throw new Error(`containerd loaded ${name} but does not offer it`);
          await sleep(clock, askAgainMs);
        }
      }
    });
  }

  async #withEngine<T>(use: (engine: CriEngine) => Promise<T>): Promise<T> {
    const { socketPath, clock } = this.#settings;
    const engine = await connectEngine({ socketPath, clock });
    try {
      return await use(engine);
    } finally {
      engine.close();
    }
  }

  #ctr(args: readonly string[], failure: string, input: Uint8Array | undefined): Promise<string> {
    const { socketPath, program = "ctr" } = this.#settings;
    return new Promise((resolve, reject) => {
      const all = ["--address", socketPath, "--namespace", criNamespace, ...args];
      const child = execFile(program, all, (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const said = stderr.trim().replace(/^ctr: /, "");
        reject(new Error(`${failure}: ${said === "" ? error.message : said}`, { cause: error }));
      });
      // When the program ends early its standard error says why; the broken pipe says nothing more.
      child.stdin?.on("error", () => {});
      child.stdin?.end(input);
    });
  }
}
