// What the node lets a pod have of CPU and memory while it runs, and how far its containers have come to it.
import type { Pod, ResourceRequirements } from "../../api/index.ts";
import { errorMessage } from "../../lib/index.ts";
import { podCgroupLimits } from "../container/linux-resources.ts";
import type { AgentContext } from "../context.ts";
import type { CgroupLimits } from "../host.ts";
import { applyResize, type ResizedPod } from "./apply-resize.ts";
import { containersOf } from "./pod-containers.ts";
import { allocate, allocatedSizes, type ResizeStep, type Resizing, type Sizes, withSizes } from "./pod-resize.ts";
import type { PodFailure } from "./pod-status.ts";

export class PodAllocation {
  readonly #context: AgentContext;
  readonly #others: () => readonly Pod[];
  /** As the API has it. */
  #wanted: Pod;
  /** The same with the resources that the node lets it have. */
  #pod: Pod;
  #allocated: ReadonlyMap<string, ResourceRequirements>;
  #limits: CgroupLimits;
  #pending: PodFailure | undefined;
  #error: string | undefined;

  /** `others` are the other pods that take part of the node's resources. */
  constructor(context: AgentContext, pod: Pod, others: () => readonly Pod[]) {
    this.#context = context;
    this.#others = others;
    this.#wanted = pod;
    this.#allocated = allocatedSizes(pod);
    this.#pod = withSizes(pod, this.#allocated);
    this.#limits = podCgroupLimits(this.#pod);
  }

  /** The pod with the resources that it may have. */
  get pod(): Pod {
    return this.#pod;
  }

  /** As the API has it. */
  get wanted(): Pod {
    return this.#wanted;
  }

  /** Whether it wants resources that the node does not let it have now. */
  get waitsForRoom(): boolean {
    return this.#pending !== undefined;
  }

  /** Lets the pod have what it wants, or what it had; with another version of it, when one is given. */
  allocate(wanted: Pod = this.#wanted): void {
    this.#wanted = wanted;
    const { pod, pending } = allocate(wanted, this.#allocated, this.#others, this.#context.node());
    this.#pod = pod;
    this.#pending = pending;
    if (!pending) this.#allocated = new Map(containersOf(pod).map(({ spec }) => [spec.name, spec.resources ?? {}]));
  }

  /** Gives the containers what the pod may have; `containers` hears what they were given. */
  async apply(step: ResizeStep, containers: Pick<ResizedPod, "given" | "knowGiven">): Promise<void> {
    try {
      await applyResize(this.#context, this.#pod, step, {
        given: containers.given,
        knowGiven: (id, resources) => containers.knowGiven(id, resources),
        knowLimits: (limits) => {
          this.#limits = limits;
        },
      });
      this.#error = undefined;
    } catch (error) {
      this.#error = errorMessage(error);
      throw error;
    }
  }

  /** `given` is what the containers were given. */
  resizing(given: Sizes): Resizing {
    return { given, limits: this.#limits, pending: this.#pending, error: this.#error };
  }
}
