import {
  invalid,
  type KubeObject,
  type Namespace,
  Namespaces,
  type Pod,
  type PodSpec,
  Pods,
  type PodTemplateSpec,
} from "../../../api/index.ts";
import { formatJson } from "../../../lib/index.ts";
import type { Lookup } from "../../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { refuse } from "../refusal.ts";
import { isAbout } from "../subject.ts";
import { formatPolicy, isSame, isStricter, type LevelVersion, type Policy, policyOf } from "./policy.ts";
import { noSettings, type PodSecuritySettings } from "./settings.ts";
import { type CheckedPod, type Violation, violations } from "./standards.ts";

/** Pods of a namespace that are looked at when it asks for more than before. */
const podsCheckedMax = 3000;
/** Subresources of pods that do not change what is checked. */
const harmless = new Set(["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"]);

/** Where the kinds that make pods keep the template of them. */
const templateOf: Readonly<Record<string, (object: Templated) => PodTemplateSpec | undefined>> = {
  "/replicationcontrollers": ({ spec }) => spec?.template,
  "/podtemplates": ({ template }) => template,
  "apps/replicasets": ({ spec }) => spec?.template,
  "apps/deployments": ({ spec }) => spec?.template,
  "apps/statefulsets": ({ spec }) => spec?.template,
  "apps/daemonsets": ({ spec }) => spec?.template,
  "batch/jobs": ({ spec }) => spec?.template,
  "batch/cronjobs": ({ spec }) => spec?.jobTemplate?.spec?.template,
};

interface Templated {
  readonly template?: PodTemplateSpec;
  readonly spec?: {
    readonly template?: PodTemplateSpec;
    readonly jobTemplate?: { readonly spec?: { readonly template?: PodTemplateSpec } };
  };
}

/** Holds pods to the Pod Security Standard that their namespace is labelled with, or to that of `settings`. */
export function podSecurity(lookup: Lookup, settings: PodSecuritySettings = noSettings): AdmissionPlugin {
  const { defaults, exempt } = settings;
  // Another version of a namespace is another object.
  const policies = new WeakMap<Namespace, Policy>();
  const policyIn = (name: string): Policy => {
    const namespace = lookup.get(Namespaces, undefined, name);
    if (!namespace) return policyOf(undefined, defaults);
    return policies.getOrInsertComputed(namespace, ({ metadata }) => policyOf(metadata.labels, defaults));
  };
  return {
    name: "PodSecurity",
    validate(request) {
      const { operation, definition, object, subresource } = request;
      if ((operation !== "CREATE" && operation !== "UPDATE") || !object) return;
      if (isAbout(request, Namespaces)) return validateNamespace(request, lookup, settings);
      const isPod = definition.group === "" && definition.plural === Pods.plural;
      const template = templateOf[`${definition.group}/${definition.plural}`];
      if (!(isPod ? !harmless.has(subresource) : template && subresource === "")) return;
      if (exempt.namespaces.has(request.namespace) || exempt.usernames.has(request.user.name)) return;
      const policy = policyIn(request.namespace);
      const isExempt = ({ runtimeClassName }: Partial<PodSpec> = {}) =>
        exempt.runtimeClasses.has(runtimeClassName ?? "");
      if (isPod) return isExempt((object as KubeObject as Pod).spec) ? undefined : validatePod(request, policy);
      const pod = template?.(object as Templated); // the kinds of the table have these fields
      if (pod && !isExempt(pod.spec))
        tell(request, policy, { annotations: pod.metadata?.annotations ?? {}, spec: pod.spec ?? { containers: [] } });
    },
  };
}

function checked({ metadata, spec }: Pod): CheckedPod {
  return { annotations: metadata.annotations ?? {}, spec };
}

function validatePod(request: AdmissionRequest, policy: Policy): void {
  const { enforce, audit, warn } = policy;
  if ([enforce, audit, warn].every(({ level }) => level === "privileged") && policy.errors.length === 0) return;
  const pod = request.object as KubeObject as Pod; // the request is about pods
  if (request.old && !isSignificant(pod, request.old as Pod)) return;
  request.annotate("pod-security.kubernetes.io/enforce-policy", formatPolicy(enforce));
  const found = violations(checked(pod), enforce.level, enforce.version);
  if (found.length === 0) {
    tell(request, policy, checked(pod));
    return;
  }
  noteForAudit(request, policy, checked(pod));
  throw refuse(request, `violates PodSecurity ${told(enforce, found)}`);
}

/** Says what would be refused, to the audit log and to the client. */
function tell(request: AdmissionRequest, policy: Policy, pod: CheckedPod): void {
  noteForAudit(request, policy, pod);
  const { warn } = policy;
  const found = violations(pod, warn.level, warn.version);
  if (found.length > 0) request.warn(`would violate PodSecurity ${told(warn, found)}`);
}

function noteForAudit({ annotate }: AdmissionRequest, { audit, errors }: Policy, pod: CheckedPod): void {
  const found = violations(pod, audit.level, audit.version);
  if (found.length > 0)
    annotate("pod-security.kubernetes.io/audit-violations", `would violate PodSecurity ${told(audit, found)}`);
  if (errors.length > 0)
    annotate(
      "pod-security.kubernetes.io/error",
      `Failed to parse policy: ${errors.map(({ field, detail }) => `${field}: ${detail}`).join(", ")}`,
    );
}

function told(policy: LevelVersion, found: readonly Violation[]): string {
  const details = found.map(({ reason, detail }) => (detail === "" ? reason : `${reason} (${detail})`));
  return `${JSON.stringify(formatPolicy(policy))}: ${details.join(", ")}`;
}

/** Whether an update of a pod changes what is checked: its containers and their images. */
function isSignificant(pod: Pod, old: Pod): boolean {
  const shape = ({ spec }: Pod) =>
    [spec.initContainers, spec.containers, spec.ephemeralContainers].map((each) =>
      (each ?? []).map(({ name, image }) => [name, image]),
    );
  return formatJson(shape(pod)) !== formatJson(shape(old));
}

function validateNamespace(request: AdmissionRequest, lookup: Lookup, { defaults, exempt }: PodSecuritySettings): void {
  const labels = request.object?.metadata.labels;
  const next = policyOf(labels, defaults);
  const old = policyOf(request.old?.metadata.labels, defaults);
  const told = (errors: Policy["errors"]) => JSON.stringify(errors);
  if (next.errors.length > 0 && (!request.old || told(next.errors) !== told(old.errors)))
    throw invalid(request.definition, request.name, next.errors);
  if (!request.old || next.enforce.level === "privileged" || isSame(next.enforce, old.enforce)) return;
  if (next.enforce.version === old.enforce.version && !isStricter(next.enforce, old.enforce)) return;
  if (exempt.namespaces.has(request.name)) return;
  const pods = lookup
    .list(Pods, request.name)
    .filter(({ spec }) => !exempt.runtimeClasses.has(spec.runtimeClassName ?? ""));
  for (const sentence of warningsAbout(pods, request.name, next.enforce)) request.warn(sentence);
}

/** What pods that are there would be refused for, with those of the same kind counted together. */
function warningsAbout(pods: readonly Pod[], namespace: string, enforce: LevelVersion): readonly string[] {
  const names = new Map<string, string[]>();
  for (const pod of pods.slice(0, podsCheckedMax)) {
    const found = violations(checked(pod), enforce.level, enforce.version);
    const reasons = found.map(({ reason }) => reason).join(", ");
    if (found.length > 0) names.set(reasons, [...(names.get(reasons) ?? []), pod.metadata.name]);
  }
  const warnings = [...names].map(([reasons, [first, ...others]]) => {
    const more = others.length === 0 ? "" : ` (and ${others.length} other ${others.length === 1 ? "pod" : "pods"})`;
    return `${first}${more}: ${reasons}`;
  });
  return [
    ...(pods.length > podsCheckedMax
      ? [
          `new PodSecurity enforce level only checked against the first ${podsCheckedMax} of ${pods.length} existing pods`,
        ]
      : []),
    ...(warnings.length > 0
      ? [
          `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${JSON.stringify(formatPolicy(enforce))}`,
        ]
      : []),
    ...warnings.sort(),
  ];
}
