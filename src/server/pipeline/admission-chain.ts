import {
  type DecodableKind,
  decodeObject,
  type KubeObject,
  type ResourceDefinition,
  readManagers,
} from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import { type AdmissionPlugin, type AdmissionRequest, isConcerned, type Operation } from "../admission/admission.ts";
import type { AdmissionMetrics, AdmissionStep, PluginDurations } from "./admission-metrics.ts";
import { type ObjectRequest, warn } from "./context.ts";
import { setManagedFields } from "./field-ownership.ts";

/** A plugin in one step of one operation. */
interface PluginAtStep {
  readonly ask: (request: AdmissionRequest) => Promise<void> | void;
  readonly durations: PluginDurations | undefined;
}

/** The plugins of a resource that have something to do in a step, in their order. */
export type AdmissionPlan = Readonly<Record<AdmissionStep, Readonly<Record<Operation, readonly PluginAtStep[]>>>>;

/** Finds the plugins that look at requests about a resource, once for each resource. */
export function admissionPlans(
  all: readonly AdmissionPlugin[],
  metrics: AdmissionMetrics | undefined,
): (definition: ResourceDefinition) => AdmissionPlan {
  const known = new WeakMap<ResourceDefinition, AdmissionPlan>();
  const durations = new Map<string, PluginDurations>();
  const durationsOf = ({ name }: AdmissionPlugin, step: AdmissionStep, operation: Operation) =>
    metrics &&
    durations.getOrInsertComputed(`${name} ${step} ${operation}`, () => metrics.plugin(name, step, operation));
  const at = (plugins: readonly AdmissionPlugin[], step: AdmissionStep, operation: Operation) =>
    plugins.flatMap((plugin) => {
      const ask = plugin[step]?.bind(plugin);
      return ask ? [{ ask, durations: durationsOf(plugin, step, operation) }] : [];
    });
  const stepOf = (plugins: readonly AdmissionPlugin[], step: AdmissionStep) => ({
    CREATE: at(plugins, step, "CREATE"),
    UPDATE: at(plugins, step, "UPDATE"),
    DELETE: at(plugins, step, "DELETE"),
    CONNECT: at(plugins, step, "CONNECT"),
  });
  return (definition) => {
    let plan = known.get(definition);
    if (!plan) {
      const plugins = all.filter((each) => isConcerned(each, definition));
      plan = { admit: stepOf(plugins, "admit"), validate: stepOf(plugins, "validate") };
      known.set(definition, plan);
    }
    return plan;
  };
}

/** A write as the plugins see it, told with the parts that change from step to step. */
export function admissionRequest(
  request: ObjectRequest,
  operation: Operation,
  object: Draft<KubeObject> | undefined,
  old: KubeObject | undefined,
  more: { readonly kind?: DecodableKind; readonly options?: object } = {},
): AdmissionRequest {
  const { definition, subresource, namespace, user, dryRun, endMs, annotate } = request;
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
    endMs,
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
  await askPlugins("admit", request, admission);
  const { rounds, object } = admission;
  if (rounds.wantsSecond) {
    rounds.isSecond = true;
    await askPlugins("admit", request, admission);
  }
  const after = object?.metadata?.managedFields;
  if (!object || after === managers || readManagers(after)) return;
  setManagedFields(object, managers);
  warn(request, invalidManagedFields);
}

/** In the words of k8s.io/apimachinery/pkg/util/managedfields. */
const invalidManagedFields =
  ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests";

/** Asks one plugin after the other; nearly all of them answer at once. */
async function askPlugins(
  step: AdmissionStep,
  { context: { admissionOf, admissionMetrics, clock } }: ObjectRequest,
  admission: AdmissionRequest,
): Promise<void> {
  const { definition, operation } = admission;
  const startMs = clock.monotonicMs();
  // Where one ends the next begins: the clock is read once for each.
  let sinceMs = startMs;
  let asked: PluginDurations | undefined;
  let isRejected = true;
  try {
    for (const { ask, durations } of admissionOf(definition)[step][operation]) {
      asked = durations;
      const pending = ask(admission);
      if (pending) await pending;
      if (!durations) continue;
      const nowMs = clock.monotonicMs();
      durations.observe(false, (nowMs - sinceMs) / 1000);
      sinceMs = nowMs;
    }
    isRejected = false;
  } finally {
    const nowMs = isRejected ? clock.monotonicMs() : sinceMs;
    if (isRejected) asked?.observe(true, (nowMs - sinceMs) / 1000);
    admissionMetrics?.observe(step, operation, isRejected, (nowMs - startMs) / 1000);
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
  return askPlugins("validate", request, admission);
}
