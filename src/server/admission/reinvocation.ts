// Who changes objects is asked again when others have changed them since: KEP-1872, and k8s.io/apiserver's
// pkg/admission/plugin/webhook/mutating/reinvocationcontext.go.
import type { KubeObject } from "../../api/index.ts";
import { deepCopy, deepEqual } from "../../lib/index.ts";
import type { AdmissionRequest } from "./admission.ts";

/** What came of asking: it was not for this one, or it left the object as it was, or changed it. */
export type MutationOutcome = "unasked" | "unchanged" | "changed";

/** What the first round leaves for the second. */
interface Progress<T> {
  /** Asked, and to be asked again when somebody changes the object after them. */
  readonly asked: Set<T>;
  readonly toAskAgain: Set<T>;
  /** The object as the first round left it. */
  left: KubeObject | undefined;
}

/** The webhooks or policies that one plugin asks, in both rounds of each request. */
export class Reinvocation<T extends object> {
  readonly #progressOf = new WeakMap<AdmissionRequest, Progress<T>>();
  readonly #wantsAgain: (each: T) => boolean;

  constructor(wantsAgain: (each: T) => boolean) {
    this.#wantsAgain = wantsAgain;
  }

  /** Asks all in the first round; in the second those who want it and saw an older object. */
  async askAll(
    request: AdmissionRequest,
    all: readonly T[],
    ask: (each: T) => Promise<MutationOutcome>,
  ): Promise<void> {
    const { rounds } = request;
    const progress: Progress<T> = this.#progressOf.get(request) ?? {
      asked: new Set(),
      toAskAgain: new Set(),
      left: undefined,
    };
    this.#progressOf.set(request, progress);
    if (rounds.isSecond && !deepEqual(progress.left, request.object)) askAgain(progress);
    for (const each of all) {
      if (rounds.isSecond && !progress.toAskAgain.has(each)) continue;
      const outcome = await ask(each);
      if (outcome === "unasked") continue;
      if (outcome === "changed") {
        askAgain(progress);
        rounds.wantsSecond = true;
      }
      if (this.#wantsAgain(each)) progress.asked.add(each);
    }
    if (progress.asked.size > 0) progress.left = request.object && (deepCopy(request.object) as KubeObject);
  }
}

function askAgain<T>({ asked, toAskAgain }: Progress<T>): void {
  for (const each of asked) toAskAgain.add(each);
  asked.clear();
}
