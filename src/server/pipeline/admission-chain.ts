import type { KubeObject } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { AdmissionRequest, Operation } from "../admission/admission.ts";
import { type ObjectRequest, warn } from "./context.ts";

/** A write as the plugins see it, told with the parts that change from step to step. */
export function admissionRequest(
  request: ObjectRequest,
  operation: Operation,
  object: Draft<KubeObject> | undefined,
  old: KubeObject | undefined,
): AdmissionRequest {
  const { definition, subresource, namespace, user, dryRun } = request;
  const name = request.name !== "" ? request.name : (object?.metadata.name ?? "");
  return {
    operation,
    definition,
    subresource,
    namespace,
    name,
    user,
    dryRun,
    object,
    old,
    warn: (sentence) => warn(request, sentence),
  };
}

/** Lets every plugin change the object or refuse it, in their order. */
export async function admit(request: ObjectRequest, admission: AdmissionRequest): Promise<void> {
  for (const plugin of request.context.admission) {
    const pending = plugin.admit?.(admission);
    if (pending) await pending;
  }
}

/** Lets every plugin change and refuse what is created to be acted on and not stored. */
export async function admitAction(request: ObjectRequest, body: Draft<KubeObject>): Promise<void> {
  const admission = admissionRequest(request, "CREATE", body, undefined);
  await admit(request, admission);
  await validateAdmission(request, admission);
}

/** Lets every plugin refuse the object in its last form. */
export async function validateAdmission(request: ObjectRequest, admission: AdmissionRequest): Promise<void> {
  for (const plugin of request.context.admission) {
    const pending = plugin.validate?.(admission);
    if (pending) await pending;
  }
}
