import {
  apiVersionOf,
  applyJsonPatch,
  internalError,
  type KubeObject,
  type MutatingWebhook,
  MutatingWebhookConfigurations,
  whyNotPatched,
} from "../../../api/index.ts";
import { deepCopy, deepEqual, formatJson } from "../../../lib/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { Compiled } from "../compiled.ts";
import { isAdmissionConfiguration } from "../matching/request-rules.ts";
import type { ReviewedObjects } from "../matching/variables.ts";
import { type MutationOutcome, Reinvocation } from "../reinvocation.ts";
import type { ReviewAnswer } from "./admission-review.ts";
import {
  invocationOf,
  type ReadyWebhook,
  readyWebhooks,
  review,
  roundOf,
  type WebhookAdmissionOptions,
} from "./webhook-call.ts";

type Ready = ReadyWebhook<MutatingWebhook>;

/** Asks webhooks, one after the other, for changes to objects. */
export function mutatingWebhooks(options: WebhookAdmissionOptions): AdmissionPlugin {
  const compiled = new Compiled(options.lookup, [MutatingWebhookConfigurations], () =>
    readyWebhooks<MutatingWebhook>(options.lookup.list(MutatingWebhookConfigurations)),
  );
  const reinvocation = new Reinvocation<Ready>(({ webhook }) => webhook.reinvocationPolicy === "IfNeeded");
  return {
    name: "MutatingAdmissionWebhook",
    admit(request) {
      const webhooks = compiled.get();
      if (webhooks.length === 0 || isAdmissionConfiguration(request)) return undefined;
      return reinvocation.askAll(request, webhooks, (each) => ask(request, each, options));
    },
  };
}

async function ask(
  request: AdmissionRequest,
  ready: Ready,
  options: WebhookAdmissionOptions,
): Promise<MutationOutcome> {
  const reviewed = await invocationOf(request, ready, options);
  if (!reviewed) return "unasked";
  let mutated = false;
  try {
    mutated = await mutate(request, ready, reviewed, options);
  } finally {
    note(request, ready, "mutation", { mutated });
  }
  return mutated ? "changed" : "unchanged";
}

/** What comes of the webhook, for the audit log; its patch is as secret as the object. */
function note(
  request: AdmissionRequest,
  { webhook, configuration, index }: Ready,
  what: "mutation" | "patch",
  found: object,
): void {
  request.annotate(
    `${what}.webhook.admission.k8s.io/round_${roundOf(request)}_index_${index}`,
    formatJson({ configuration, webhook: webhook.name, ...found }),
    what === "patch" ? "content" : "decision",
  );
}

/** Whether the webhook changed the object. */
async function mutate(
  request: AdmissionRequest,
  ready: Ready,
  reviewed: ReviewedObjects,
  options: WebhookAdmissionOptions,
): Promise<boolean> {
  const answer = await review(request, ready, reviewed, true, options);
  if (!answer || answer.operations.length === 0) return false;
  const patched = patchedBy(ready.webhook.name, answer, reviewed);
  note(request, ready, "patch", { patch: answer.operations, patchType: "JSONPatch" });
  if (deepEqual(patched, reviewed.object)) return false;
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

function patchedBy(webhook: string, { operations }: ReviewAnswer, { object, as }: ReviewedObjects): unknown {
  if (!object)
    throw internalError(
      new Error(
        `admission webhook ${JSON.stringify(webhook)} attempted to modify the object, which is not supported for this operation`,
      ),
    );
  try {
    return applyJsonPatch({ apiVersion: apiVersionOf(as), ...object }, operations);
  } catch (error) {
    throw internalError(new Error(whyNotPatched(error)));
  }
}
