import { type DecodableKind, decodeObject, type KubeObject, readManagers } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { AdmissionRequest, Operation } from "../admission/admission.ts";
import type { AdmissionStep } from "./admission-metrics.ts";
import { type ObjectRequest, warn } from "./context.ts";
import { setManagedFields } from "./field-ownership.ts";

/** A write as the plugins see it, told with the parts that change from step to step. */
export function admissionRequest(
  request: ObjectRequest,
  operation: Operation,
  object: Draft<KubeObject> | undefined,
  old: KubeObject | undefined,
  more: { readonly kind?: DecodableKind; readonly options?: object } = {},
): AdmissionRequest {
  const { definition, subresource, namespace, user, dryRun, annotate } = request;
  const name = request.name !== "" ? request.name : (object?.metadata?.name ?? "");
  const { kind = definition, options = writeOptions(request, operation) } = more;
  return {
    operation,
    definition,
    subresource,
    kind,
    namespace,
    name,
    user,
    dryRun,
    object,
    old,
    options,
    replaceObject: (json) => object && replaceObject(request, kind, object, json),
    warn: (sentence) => warn(request, sentence),
    annotate,
    rounds: { isSecond: false, wantsSecond: false },
  };
}

const optionsKinds: Partial<Record<Operation, string>> = { CREATE: "CreateOptions", UPDATE: "UpdateOptions" };

function writeOptions({ options, dryRun }: ObjectRequest, operation: Operation): object | undefined {
  const kind = optionsKinds[operation];
  if (kind === undefined) return undefined;
  const { fieldManager, fieldValidation } = options;
  return {
    kind,
    apiVersion: "meta.k8s.io/v1",
    ...(dryRun ? { dryRun: ["All"] } : {}),
    ...(fieldManager === undefined ? {} : { fieldManager }),
    ...(fieldValidation === undefined ? {} : { fieldValidation }),
  };
}

function replaceObject(
  { definition }: ObjectRequest,
  kind: DecodableKind,
  object: Draft<KubeObject>,
  json: unknown,
): void {
  const decoded = decodeObject(kind, json, "Ignore").object;
  if (kind.kind === definition.kind) definition.defaults?.(decoded);
  const fields = object as unknown as Record<string, unknown>; // all of them are replaced
  for (const field of Object.keys(fields)) delete fields[field];
  Object.assign(fields, decoded);
}

/** Lets every plugin change the object or refuse it, in their order. */
export async function admit(request: ObjectRequest, admission: AdmissionRequest): Promise<void> {
  const managers = admission.object?.metadata?.managedFields;
  await admitOnce(request, admission);
  const { rounds, object } = admission;
  if (rounds.wantsSecond) {
    rounds.isSecond = true;
    await admitOnce(request, admission);
  }
  const after = object?.metadata?.managedFields;
  if (!object || after === managers || readManagers(after)) return;
  setManagedFields(object, managers);
  warn(request, invalidManagedFields);
}

/** In the words of k8s.io/apimachinery/pkg/util/managedfields. */
const invalidManagedFields =
  ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests";

function admitOnce(request: ObjectRequest, admission: AdmissionRequest): Promise<void> {
  return measured("admit", request, admission, async () => {
    for (const plugin of request.context.admission) {
      const pending = plugin.admit?.(admission);
      if (pending) await pending;
    }
  });
}

async function measured(
  step: AdmissionStep,
  { context: { admissionMetrics, clock } }: ObjectRequest,
  { operation }: AdmissionRequest,
  run: () => Promise<void>,
): Promise<void> {
  if (!admissionMetrics) return run();
  const startMs = clock.monotonicMs();
  let isRejected = true;
  try {
    await run();
    isRejected = false;
  } finally {
    admissionMetrics.observe(step, operation, isRejected, (clock.monotonicMs() - startMs) / 1000);
  }
}

/** Lets every plugin change and refuse what is created to be acted on and not stored. */
export async function admitAction(
  request: ObjectRequest,
  body: Draft<KubeObject>,
  kind: DecodableKind = request.definition,
): Promise<void> {
  const admission = admissionRequest(request, "CREATE", body, undefined, { kind });
  await admit(request, admission);
  await validateAdmission(request, admission);
}

/** Lets every plugin refuse the object in its last form. */
export function validateAdmission(request: ObjectRequest, admission: AdmissionRequest): Promise<void> {
  return measured("validate", request, admission, async () => {
    for (const plugin of request.context.admission) {
      const pending = plugin.validate?.(admission);
      if (pending) await pending;
    }
  });
}
