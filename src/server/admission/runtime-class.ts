import { compareQuantities, Pods, type RuntimeClass, RuntimeClasses, type Toleration } from "../../api/index.ts";
import { deepCopy, deepEqual } from "../../lib/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { refuse } from "./refusal.ts";
import { written } from "./subject.ts";

/** Gives pods the overhead and the nodes of their runtime class. */
export function runtimeClass(lookup: Lookup): AdmissionPlugin {
  const classOf = (request: AdmissionRequest, name: string): RuntimeClass => {
    const found = lookup.get(RuntimeClasses, undefined, name);
    if (!found) throw refuse(request, `pod rejected: RuntimeClass "${name}" not found`);
    return found;
  };
  return {
    name: "RuntimeClass",
    resources: [Pods],
    admit(request) {
      const spec = written(request, Pods, "CREATE")?.spec;
      if (!spec?.runtimeClassName) return;
      const { overhead, scheduling } = classOf(request, spec.runtimeClassName);
      if (overhead?.podFixed) {
        if (spec.overhead && !sameQuantities(spec.overhead, overhead.podFixed))
          throw refuse(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
        spec.overhead = { ...overhead.podFixed };
      }
      for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
        const { nodeSelector = {} } = spec;
        const own = Object.hasOwn(nodeSelector, key) ? nodeSelector[key] : undefined;
        if (own !== undefined && own !== value)
          throw refuse(
            request,
            `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
          );
        spec.nodeSelector = { ...nodeSelector, [key]: value };
      }
      const added = (scheduling?.tolerations ?? []).filter(
        (each: Toleration) => !spec.tolerations?.some((own) => deepEqual(own, each)),
      );
      if (added.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...added.map(deepCopy)];
    },
    validate(request) {
      const spec = written(request, Pods, "CREATE")?.spec;
      if (!spec) return;
      const podFixed = spec.runtimeClassName ? classOf(request, spec.runtimeClassName).overhead?.podFixed : undefined;
      if (podFixed) {
        if (!sameQuantities(spec.overhead ?? {}, podFixed))
          throw refuse(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      } else if (spec.overhead) {
        throw refuse(request, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
      }
    },
  };
}

function sameQuantities(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => b[name] !== undefined && compareQuantities(a[name] as string, b[name]) === 0)
  );
}
