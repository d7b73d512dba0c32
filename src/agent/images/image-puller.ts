import type { Pod, Secret } from "../../api/index.ts";
import { type Clock, errorMessage, isAbort } from "../../lib/index.ts";
import { StartError } from "../container/start-error.ts";
import type { ContainerEngine, Image } from "../engine/index.ts";
import { type CrashBackoff, goDuration, nextCrashBackoff } from "../pod/crash-backoff.ts";
import type { PodContainer } from "../pod/pod-containers.ts";
import type { PodEvents } from "../pod/pod-events.ts";
import { withDefaultTag } from "./image-reference.ts";
import { credentialsFor, type TrackedCredentials } from "./pull-credentials.ts";
import type { PulledImages } from "./pulled-images.ts";

export interface ImagePullerOptions {
  readonly engine: ContainerEngine;
  readonly clock: Clock;
  readonly events: PodEvents;
  readonly pullsAtOnceMax: number;
  readonly pulled: PulledImages;
}

export interface EnsuredImage {
  readonly image: Image;
  /** The name that the engine knows it by. */
  readonly name: string;
}

interface PullBackoff extends CrashBackoff {
  readonly error: string;
}

/** Backoffs of pods that are long gone; more than these are forgotten, the oldest first. */
const backoffsMax = 4096;

/** Makes sure that images are there before containers are created. */
export class ImagePuller {
  readonly #options: ImagePullerOptions;
  /** By pod uid and image. */
  readonly #backoffs = new Map<string, PullBackoff>();
  /** What lets a pull begin, those first that came first. */
  readonly #waiting = new Set<() => void>();
  #pulling = 0;

  constructor(options: ImagePullerOptions) {
    this.#options = options;
  }

  /** The image for a container by its pull policy. Throws StartError with the reason that the API shows. */
  async ensure(
    pod: Pod,
    container: PodContainer,
    secrets: () => Promise<readonly Secret[]>,
    signal: AbortSignal,
  ): Promise<EnsuredImage> {
    const { events } = this.#options;
    const wanted = container.spec.image ?? "";
    const name = withDefaultTag(wanted);
    if (name === undefined) {
      const why = `couldn't parse image name "${wanted}": invalid reference format`;
      const message = `Failed to apply default image tag "${wanted}": ${why}`;
      events.warning(pod, "InspectFailed", message, container);
      throw new StartError("InvalidImageName", message);
    }
    const present = await this.#status(pod, container, name);
    const policy = container.spec.imagePullPolicy ?? "IfNotPresent";
    const opening = async () => credentialsFor(name, await secrets()).map(({ secret }) => secret);
    if (policy !== "Always" && present && (await this.#options.pulled.mayUse(present, name, opening))) {
      const message = `Container image "${wanted}" already present on machine and can be accessed by the pod`;
      events.normal(pod, "Pulled", message, container);
      return { image: present, name };
    }
    if (policy === "Never") {
      const message = `Container image "${wanted}" is not present with pull policy of Never`;
      events.warning(pod, "ErrImageNeverPull", message, container);
      throw new StartError("ErrImageNeverPull", message);
    }
    return { image: await this.#pull(pod, container, name, await secrets(), signal), name };
  }

  /** Forgets images that are not on the machine any more. */
  retain(ids: ReadonlySet<string>): Promise<void> {
    return this.#options.pulled.retain(ids);
  }

  /** Forgets the failures of a pod's pulls. */
  forget(podUid: string): void {
    for (const key of this.#backoffs.keys()) if (key.startsWith(`${podUid}/`)) this.#backoffs.delete(key);
  }

  async #status(pod: Pod, container: PodContainer, name: string): Promise<Image | undefined> {
    try {
      return await this.#options.engine.imageStatus(name);
    } catch (error) {
      const message = `Failed to inspect image "${container.spec.image}": ${errorMessage(error)}`;
      this.#options.events.warning(pod, "InspectFailed", message, container);
      throw new StartError("ImageInspectError", message);
    }
  }

  async #pull(
    pod: Pod,
    container: PodContainer,
    name: string,
    secrets: readonly Secret[],
    signal: AbortSignal,
  ): Promise<Image> {
    const { clock, events } = this.#options;
    const wanted = container.spec.image ?? "";
    const key = `${pod.metadata.uid}/${name}`;
    const backoff = this.#backoffs.get(key);
    const delayMs = backoff ? backoff.updatedAtMs + backoff.delayMs - clock.monotonicMs() : 0;
    if (backoff && delayMs > 0) {
      events.normal(pod, "BackOff", `Back-off pulling image "${wanted}"`, container);
      events.warning(pod, "Failed", "Error: ImagePullBackOff", container);
      throw new StartError(
        "ImagePullBackOff",
        `Back-off pulling image "${wanted}": ErrImagePull: ${backoff.error}`,
        delayMs,
      );
    }
    events.normal(pod, "Pulling", `Pulling image "${wanted}"`, container);
    const askedAtMs = clock.monotonicMs();
    await this.#turn(signal);
    const beganAtMs = clock.monotonicMs();
    let image: Image;
    try {
      image = await this.#pullAndRemember(name, secrets, signal);
      this.#backoffs.delete(key);
    } catch (error) {
      if (isAbort(error) || signal.aborted) throw error;
      const message = errorMessage(error);
      const nowMs = clock.monotonicMs();
      this.#remember(key, { ...nextCrashBackoff(backoff, nowMs, nowMs), error: message });
      events.warning(pod, "Failed", `Failed to pull image "${wanted}": ${message}`, container);
      events.warning(pod, "Failed", "Error: ErrImagePull", container);
      throw new StartError("ErrImagePull", message, firstRetryMs);
    } finally {
      this.#leave();
    }
    const now = clock.monotonicMs();
    const times = `${goDuration(Math.round(now - beganAtMs))} (${goDuration(Math.round(now - askedAtMs))} including waiting)`;
    events.normal(
      pod,
      "Pulled",
      `Successfully pulled image "${wanted}" in ${times}. Image size: ${image.sizeBytes} bytes.`,
      container,
    );
    return image;
  }

  /** Pulls, and remembers whose credentials opened the registry. */
  async #pullAndRemember(name: string, secrets: readonly Secret[], signal: AbortSignal): Promise<Image> {
    const { engine, pulled } = this.#options;
    await pulled.began(name);
    try {
      const opener = await this.#pullWith(name, credentialsFor(name, secrets), signal);
      const image = await engine.imageStatus(name);
      if (!image) throw new Error(`image "${name}" is not there after it was pulled`);
      await pulled.pulled(name, image.id, opener);
      return image;
    } catch (error) {
      await pulled.failed(name);
      throw error;
    }
  }

  /** Tries each of the credentials, and none when there are none; gives the secret that did it, throws what they failed with. */
  async #pullWith(
    name: string,
    tracked: readonly TrackedCredentials[],
    signal: AbortSignal,
  ): Promise<Secret | undefined> {
    const { engine } = this.#options;
    if (tracked.length === 0) {
      await engine.pullImage(name, undefined, signal);
      return undefined;
    }
    const errors: unknown[] = [];
    for (const { credentials, secret } of tracked) {
      try {
        await engine.pullImage(name, credentials, signal);
        return secret;
      } catch (error) {
        if (isAbort(error) || signal.aborted) throw error;
        errors.push(error);
      }
    }
    throw errors.length === 1 ? errors[0] : new Error(`[${errors.map(errorMessage).join(", ")}]`);
  }

  /** Resolves when a pull may begin; rejects with the signal's reason when the pod stops before. */
  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#pulling < this.#options.pullsAtOnceMax) {
      this.#pulling++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.delete(begin);
        reject(signal.reason);
      };
      this.#waiting.add(begin);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** The place of a pull that ended goes to the one that waited longest, or becomes free. */
  #leave(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#pulling--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  #remember(key: string, backoff: PullBackoff): void {
    this.#backoffs.delete(key);
    this.#backoffs.set(key, backoff);
    const [oldest] = this.#backoffs.keys();
    if (this.#backoffs.size > backoffsMax && oldest !== undefined) this.#backoffs.delete(oldest);
  }
}

/** After a failed pull the API shows ErrImagePull for this time, then that it backs off. */
const firstRetryMs = 1_000;
