import { spawn } from "node:child_process";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { dirname } from "node:path";
import { type Clock, errorMessage, type Logger, sleep } from "../../../lib/index.ts";
import { readIfThere } from "../text-files.ts";
import { type ContainerdPaths, type ContainerdSettings, containerdConfig } from "./config.ts";
import { connectEngine } from "./engine.ts";
import { ImageStore } from "./image-store.ts";
import { imageArchitecture } from "./machine.ts";
import { pauseImage, pauseImageName } from "./pause-image.ts";
import { askAgainMs, containerdGraceMs, endProcess, runningPid } from "./processes.ts";
import { unmountBelow } from "./remove-engine.ts";

/** containerd answers after 0.1 s; on a machine that just booted and has a slow disk after some seconds. */
const startMsMax = 30_000;
const backoffMsMin = 100;
const backoffMsMax = 10_000;
/** A containerd that ran this long is healthy: the next failure starts from the shortest backoff again. */
const healthyMs = 60_000;

export interface SupervisorSettings extends ContainerdSettings {
  readonly clock: Clock;
  readonly log: Logger;
  /** The program; found on PATH when left out. */
  readonly program?: string;
}

/**
 * Keeps one containerd running. It is started detached, so it and the containers outlive this process; the next
 * supervisor with the same paths takes it over.
 */
export class ContainerdSupervisor {
  readonly #settings: SupervisorSettings;
  readonly #paths: ContainerdPaths;
  readonly #stopping = new AbortController();
  #watched: Socket | undefined;
  #startedAtMs = 0;
  #backoffMs = backoffMsMin;
  #pid = 0;

  constructor(settings: SupervisorSettings) {
    this.#settings = settings;
    this.#paths = settings.paths;
  }

  /** The process now; 0 before it was started. */
  get pid(): number {
    return this.#pid;
  }

  /** Resolves when containerd answers and has the sandboxes' image; says whether it was running already. */
  async start(): Promise<"started" | "adopted"> {
    const config = containerdConfig(this.#settings);
    const running = await runningPid(this.#paths);
    const unchanged = (await readIfThere(this.#paths.config)) === config;
    const adopt = running !== undefined && unchanged;
    if (adopt) {
      this.#pid = running;
      await this.#answers(undefined);
    } else {
      // Containers do not notice that their containerd is another one.
      if (running !== undefined) await endProcess(running, this.#settings.clock, containerdGraceMs);
      await this.#prepareDirectories(config);
      await this.#launch();
    }
    await this.#ensurePauseImage();
    this.#watch();
    return adopt ? "adopted" : "started";
  }

  /** Stops looking after containerd; it goes on. */
  release(): void {
    this.#stopping.abort();
    this.#watched?.destroy();
  }

  /** Ends containerd. Containers go on unless they were stopped before. */
  async stop(): Promise<void> {
    this.release();
    const running = await runningPid(this.#paths);
    if (running !== undefined) await endProcess(running, this.#settings.clock, containerdGraceMs);
    await rm(this.#paths.pid, { force: true });
  }

  async #prepareDirectories(config: string): Promise<void> {
    const { root, state, log, networks, registries, bootId } = this.#paths;
    // The state is of processes and mounts, which do not survive a boot: what is left of an earlier one only misleads.
    const boot = await readIfThere("/proc/sys/kernel/random/boot_id");
    if ((await readIfThere(bootId)) !== boot) {
      await unmountBelow([state]);
      await rm(state, { recursive: true, force: true });
    }
    for (const directory of [root, state, dirname(log), networks, registries])
      await mkdir(directory, { recursive: true, mode: 0o711 });
    await writeFile(bootId, boot);
    await writeFile(this.#paths.config, config, { mode: 0o600 });
  }

  async #launch(): Promise<void> {
    const log = await open(this.#paths.log, "a", 0o600);
    try {
      const child = spawn(this.#settings.program ?? "containerd", ["--config", this.#paths.config], {
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
        env: { ...process.env, ...memoryHints },
      });
      const ended = new Promise<Error>((resolve) => {
        child.once("error", (error) => resolve(error));
        child.once("exit", (code, signal) => resolve(new Error(`it ended with ${signal ?? `code ${code}`}`)));
      });
      if (child.pid !== undefined) {
        this.#pid = child.pid;
        await writeFile(this.#paths.pid, `${child.pid}\n`);
      }
      await this.#answers(ended);
      child.unref();
      this.#startedAtMs = this.#settings.clock.monotonicMs();
    } finally {
      await log.close();
    }
  }

  /** Resolves when CRI answers. That its socket is there says nothing: the plugin behind it starts later. */
  async #answers(ended: Promise<Error> | undefined): Promise<void> {
    const { clock } = this.#settings;
    const engine = await connectEngine({ socketPath: this.#paths.socket, clock });
    const giveUpAtMs = clock.monotonicMs() + startMsMax;
    let failure: Error | undefined;
    ended?.then((error) => {
      failure = error;
    });
    try {
      for (;;) {
        try {
          await engine.version();
          return;
        } catch (error) {
          if (failure || clock.monotonicMs() > giveUpAtMs) {
            const last = lastLine(await readIfThere(this.#paths.log));
            const why = `${errorMessage(failure ?? error)}${last === "" ? "" : `; its log ends with: ${last}`}`;
            throw new Error(`containerd does not start (see ${this.#paths.log}): ${why}`, { cause: error });
          }
          await sleep(clock, askAgainMs);
        }
      }
    } finally {
      engine.close();
    }
  }

  async #ensurePauseImage(): Promise<void> {
    const { clock } = this.#settings;
    const engine = await connectEngine({ socketPath: this.#paths.socket, clock });
    try {
      if (await engine.imageStatus(pauseImageName)) return;
      const store = new ImageStore({
        socketPath: this.#paths.socket,
        snapshotter: this.#settings.machine.snapshotter,
        clock,
      });
      await store.load(pauseImage(imageArchitecture()));
    } finally {
      engine.close();
    }
  }

  /**
   * Notices containerd's end by a connection that it closes then: the one way that serves a child and an adopted process
   * alike. The ttrpc socket is used because it leaves silent connections open.
   */
  #watch(): void {
    const socket = createConnection(`${this.#paths.socket}.ttrpc`);
    socket.unref();
    socket.once("close", () => {
      if (!this.#stopping.signal.aborted) void this.#restart();
    });
    // What is wrong is followed by "close", which acts.
    socket.on("error", () => {});
    this.#watched = socket;
  }

  async #restart(): Promise<void> {
    const { clock, log } = this.#settings;
    const { signal } = this.#stopping;
    if (clock.monotonicMs() - this.#startedAtMs > healthyMs) this.#backoffMs = backoffMsMin;
    while (!signal.aborted) {
      log.warn("containerd ended; it is started again", { afterMs: this.#backoffMs });
      try {
        await sleep(clock, this.#backoffMs, signal);
        this.#backoffMs = Math.min(this.#backoffMs * 2, backoffMsMax);
        await this.start();
        return;
      } catch (error) {
        if (!signal.aborted) log.error("containerd cannot be started", { error: errorMessage(error) });
      }
    }
  }
}

/** Go's collector runs at half the growth it waits for by default: 3 MB less at rest (measured), for hardly any work. */
const memoryHints = { GOGC: "50" };

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
