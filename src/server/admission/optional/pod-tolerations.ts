import {
  ConfigurationErrors,
  Fields,
  isExtendedResource,
  memoryPressureTaint,
  Namespaces,
  type Pod,
  Pods,
  podQos,
  readConfiguration,
  rootPath,
  type Toleration,
} from "../../../api/index.ts";
import { append, deepEqual, errorMessage } from "../../../lib/index.ts";
import type { Lookup } from "../../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { refuse } from "../refusal.ts";
import { written } from "../subject.ts";

/** What counts in namespaces that say nothing themselves. */
export interface TolerationDefaults {
  readonly added: readonly Toleration[];
  /** Pods may have no others; all when it is empty. */
  readonly allowed: readonly Toleration[];
}

const addedAnnotation = "scheduler.alpha.kubernetes.io/defaultTolerations";
const allowedAnnotation = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";
const memoryPressure: Toleration = {
  key: memoryPressureTaint,
  operator: "Exists",
  effect: "NoSchedule",
};

/** Configuration of podtolerationrestriction.admission.k8s.io. Throws an Error that says what is wrong. */
export function readTolerationDefaults(value: unknown): TolerationDefaults {
  const read = (fields: Fields): TolerationDefaults => ({
    added: fields.objects("default").map(readToleration),
    allowed: fields.objects("whitelist").map(readToleration),
  });
  return readConfiguration(value, "Configuration", read, "podtolerationrestriction.admission.k8s.io", ["v1alpha1"]);
}

function readToleration(fields: Fields): Toleration {
  const [key, operator, value, effect] = ["key", "operator", "value", "effect"].map((name) =>
    fields.optionalText(name),
  );
  const tolerationSeconds = fields.wholeNumber("tolerationSeconds");
  fields.done();
  return {
    ...(key ? { key } : {}),
    ...(operator ? { operator } : {}),
    ...(value ? { value } : {}),
    ...(effect ? { effect } : {}),
    ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
  };
}

/** Pods get the tolerations of their namespace and may have no others than it allows. */
export function podTolerationRestriction(lookup: Lookup, defaults: TolerationDefaults): AdmissionPlugin {
  /** Those of an annotation of the pod's namespace; undefined where it has none. */
  const ofNamespace = (request: AdmissionRequest, annotation: string): readonly Toleration[] | undefined => {
    const text = lookup.get(Namespaces, undefined, request.namespace)?.metadata.annotations?.[annotation];
    if (text === undefined) return undefined;
    if (text === "") return [];
    try {
      return readTolerations(text);
    } catch (error) {
      throw refuse(
        request,
        `the annotation ${annotation} of namespace ${request.namespace} cannot be read: ${errorMessage(error)}`,
      );
    }
  };
  return {
    name: "PodTolerationRestriction",
    admit(request) {
      const pod = written(request, Pods, "CREATE", "UPDATE");
      if (!pod) return;
      const added: Toleration[] = [];
      if (request.operation === "CREATE") append(added, ofNamespace(request, addedAnnotation) ?? defaults.added);
      if (podQos(pod) !== "BestEffort") added.push(memoryPressure);
      if (added.length > 0) pod.spec.tolerations = merged([...(pod.spec.tolerations ?? []), ...added]);
    },
    validate(request) {
      const pod = written(request, Pods, "CREATE", "UPDATE");
      if (!pod?.spec.tolerations?.length) return;
      const ofItsNamespace = ofNamespace(request, allowedAnnotation);
      const allowed = ofItsNamespace ?? defaults.allowed;
      if (allowed.length === 0) return;
      if (pod.spec.tolerations.every((each) => allowed.some((other) => covers(other, each)))) return;
      const whose = ofItsNamespace ? "namespace" : "cluster";
      throw refuse(
        request,
        `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${whose} whitelist`,
      );
    },
  };
}

function readTolerations(text: string): readonly Toleration[] {
  const errors = new ConfigurationErrors();
  const tolerations = new Fields({ list: JSON.parse(text) as unknown }, rootPath, errors)
    .objects("list")
    .map(readToleration);
  errors.throwIfAny();
  return tolerations;
}

/** Each once; of those that another covers, the other. */
function merged(tolerations: readonly Toleration[]): Toleration[] {
  const kept: Toleration[] = [];
  tolerations.forEach((each, index) => {
    const covered =
      kept.some((other) => covers(other, each)) ||
      tolerations.slice(index + 1).some((other) => !deepEqual(other, each) && covers(other, each));
    if (!covered) kept.push(each);
  });
  return kept;
}

/** Whether `wide` tolerates all that `narrow` does: pkg/util/tolerations. */
function covers(wide: Toleration, narrow: Toleration): boolean {
  if (deepEqual(wide, narrow)) return true;
  if (narrow.key !== wide.key && (wide.key || wide.operator !== "Exists")) return false;
  if (wide.effect && narrow.effect !== wide.effect) return false;
  if (wide.effect === "NoExecute" && wide.tolerationSeconds !== undefined) {
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds) return false;
  }
  if (wide.operator === "Exists") return true;
  const isEqual = (operator: string | undefined) => operator === undefined || operator === "Equal";
  return isEqual(wide.operator) && isEqual(narrow.operator) && (wide.value ?? "") === (narrow.value ?? "");
}

/** Pods tolerate the taint that keeps others off nodes with an extended resource that they ask for. */
export const extendedResourceToleration: AdmissionPlugin = {
  name: "ExtendedResourceToleration",
  admit(request) {
    const pod = written(request, Pods, "CREATE", "UPDATE");
    if (!pod) return;
    for (const key of extendedResources(pod)) {
      const tolerations = pod.spec.tolerations ?? [];
      const wanted: Toleration = { key, operator: "Exists", effect: "NoSchedule" };
      if (!tolerations.some((each) => deepEqual(each, wanted))) pod.spec.tolerations = [...tolerations, wanted];
    }
  },
};

function extendedResources({ spec }: Pick<Pod, "spec">): readonly string[] {
  const requests = [...(spec.initContainers ?? []), ...spec.containers].map(({ resources }) => resources?.requests);
  const names = requests.flatMap((each) => Object.keys(each ?? {}));
  return [...new Set(names.filter(isExtendedResource))].sort();
}
