import {
  apiVersionOf,
  applyJsonPatch,
  internalError,
  type KubeObject,
  type MutatingWebhook,
  MutatingWebhookConfigurations,
} from "../../../api/index.ts";
import { deepCopy, deepEqual, errorMessage } from "../../../lib/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { Compiled } from "../compiled.ts";
import { isAdmissionConfiguration } from "../matching/request-rules.ts";
import type { ReviewedObjects } from "../matching/variables.ts";
import type { ReviewAnswer } from "./admission-review.ts";
import {
  invocationOf,
  type ReadyWebhook,
  readyWebhooks,
  review,
  type WebhookAdmissionOptions,
} from "./webhook-call.ts";

type Ready = ReadyWebhook<MutatingWebhook>;

/** What the first round leaves for the second: KEP-1872 and k8s.io/apiserver's webhook/mutating/reinvocationcontext.go. */
interface Progress {
  /** Asked in the first round, and to be asked again when somebody changes the object after them. */
  readonly asked: Set<Ready>;
  readonly toAskAgain: Set<Ready>;
  /** The object as the first round left it. */
  left: KubeObject | undefined;
}

/** Asks webhooks, one after the other, for changes to objects. */
export function mutatingWebhooks(options: WebhookAdmissionOptions): AdmissionPlugin {
  const compiled = new Compiled(options.lookup, [MutatingWebhookConfigurations], () =>
    readyWebhooks<MutatingWebhook>(options.lookup.list(MutatingWebhookConfigurations)),
  );
  const progressOf = new WeakMap<AdmissionRequest, Progress>();

  async function admit(request: AdmissionRequest, webhooks: readonly Ready[]): Promise<void> {
    const progress = progressOf.get(request) ?? { asked: new Set(), toAskAgain: new Set(), left: undefined };
    progressOf.set(request, progress);
    const { rounds } = request;
    // Other plugins have changed the object since.
    if (rounds.isSecond && !deepEqual(progress.left, request.object)) askAgain(progress);
    for (const each of webhooks) {
      if (rounds.isSecond && !progress.toAskAgain.has(each)) continue;
      const reviewed = await invocationOf(request, each, options);
      if (!reviewed) continue;
      if (await mutate(request, each, reviewed, options)) {
        askAgain(progress);
        rounds.wantsSecond = true;
      }
      if (each.webhook.reinvocationPolicy === "IfNeeded") progress.asked.add(each);
    }
    progress.left = request.object && (deepCopy(request.object) as KubeObject);
  }

  return {
    name: "MutatingAdmissionWebhook",
    admit(request) {
      const webhooks = compiled.get();
      if (webhooks.length === 0 || isAdmissionConfiguration(request)) return undefined;
      return admit(request, webhooks);
    },
  };
}

function askAgain({ asked, toAskAgain }: Progress): void {
  for (const each of asked) toAskAgain.add(each);
  asked.clear();
}

/** Whether the webhook changed the object. */
async function mutate(
  request: AdmissionRequest,
  ready: Ready,
  reviewed: ReviewedObjects,
  options: WebhookAdmissionOptions,
): Promise<boolean> {
  const answer = await review(request, ready, reviewed, true, options);
  if (!answer?.patch) return false;
  const patched = patchedBy(ready.webhook.name, answer, reviewed);
  if (patched === undefined || deepEqual(patched, reviewed.object)) return false;
  const { definition, kind } = request;
  const isOwn = kind.kind === definition.kind && kind.group === definition.group;
  const before = deepCopy(request.object);
  // What it looks like was decided by the server that sent the patch; the pipeline decodes it.
  const own = isOwn ? await options.versions.convert(patched as KubeObject, reviewed.as, definition) : patched;
  try {
    request.replaceObject(own);
  } catch (error) {
    throw internalError(error);
  }
  return !deepEqual(before, request.object);
}

function patchedBy(webhook: string, { patch = "" }: ReviewAnswer, { object, as }: ReviewedObjects): unknown {
  let operations: unknown;
  try {
    operations = JSON.parse(decodeText(patch));
  } catch (error) {
    throw internalError(
      new Error(`the patch of admission webhook ${JSON.stringify(webhook)} cannot be read: ${errorMessage(error)}`),
    );
  }
  if (Array.isArray(operations) && operations.length === 0) return undefined;
  if (!object)
    throw internalError(
      new Error(
        `admission webhook ${JSON.stringify(webhook)} attempted to modify the object, which is not supported for this operation`,
      ),
    );
  try {
    return applyJsonPatch({ apiVersion: apiVersionOf(as), ...object }, operations);
  } catch (error) {
    throw internalError(new Error(errorMessage(error)));
  }
}

function decodeText(base64: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
}
