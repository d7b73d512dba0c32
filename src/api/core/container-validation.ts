// What containers may be: k8s.io/kubernetes/pkg/apis/core/validation/validation.go, validateContainers,
// validateInitContainers and validateEphemeralContainers.
import { append } from "../../lib/index.ts";
import { eachItem, invalidFor, optionalEnum, requiredEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notFoundValue,
  notSupported,
  type Path,
  required,
  tooLong,
} from "../meta/field-error.ts";
import { isDns1123Label, isPortName, isPortNumber } from "../meta/names.ts";
import type { Container, ContainerPort, EphemeralContainer, PodSpec } from "../types.generated.ts";
import { validateEnv, validateEnvFrom } from "./env-validation.ts";
import { type VolumesByName, validateDevices, validateMounts } from "./mount-validation.ts";
import { isRestartableInitContainer } from "./pod-resources.ts";
import { validateProbesAndLifecycle } from "./probe-validation.ts";
import { validateContainerResources } from "./resource-requirements.ts";
import { validateSecurityContext } from "./security-context-validation.ts";
import { portProtocols } from "./service-validation.ts";

/** What the containers of a pod are checked against. */
interface Surroundings {
  readonly spec: PodSpec;
  readonly volumes: VolumesByName;
  readonly claims: ReadonlySet<string>;
}

const pullPolicies = ["Always", "IfNotPresent", "Never"];
const restartPolicies = ["Always", "Never", "OnFailure"];
const restartRulesMax = 20;
const exitCodesMax = 255;

export function validateAllContainers(
  spec: PodSpec,
  volumes: VolumesByName,
  claims: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const around = { spec, volumes, claims };
  return [
    ...validateRegularContainers(around, at.child("containers")),
    ...validateInitContainers(around, at.child("initContainers")),
    ...validateEphemeralContainers(around, at.child("ephemeralContainers")),
  ];
}

function validateRegularContainers(around: Surroundings, at: Path): FieldError[] {
  const { containers } = around.spec;
  if (!containers?.length) return [required(at)];
  const names = new Set<string>();
  const errors = eachItem(at, containers, (container, place) => {
    const errors = validateContainer(container, around, place);
    if (names.has(container.name)) errors.push(duplicate(place.child("name"), container.name));
    names.add(container.name);
    append(errors, validateProbesAndLifecycle(container, around.spec, place), validateRestartPolicy(container, place));
    return errors;
  });
  append(errors, validateHostPorts(containers, at));
  return errors;
}

function validateInitContainers(around: Surroundings, at: Path): FieldError[] {
  const { initContainers, containers = [] } = around.spec;
  const names = new Set(containers.map(({ name }) => name));
  return eachItem(at, initContainers, (container, place) => {
    const errors = [...validateContainer(container, around, place), ...validateInitRestartPolicy(container, place)];
    if (names.has(container.name)) errors.push(duplicate(place.child("name"), container.name));
    else if (container.name) names.add(container.name);
    // Init containers run one after the other, so each may use the ports of another.
    append(errors, validateHostPorts([container], at));
    if (isRestartableInitContainer(container))
      append(errors, validateProbesAndLifecycle(container, around.spec, place));
    else
      for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const)
        if (container[field] !== undefined)
          errors.push(
            forbiddenField(place.child(field), "may not be set for init containers without restartPolicy=Always"),
          );
    return errors;
  });
}

const forbiddenForEphemeral = [
  "ports",
  "resources",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
] as const;

function validateEphemeralContainers(around: Surroundings, at: Path): FieldError[] {
  const { ephemeralContainers, containers = [], initContainers = [] } = around.spec;
  const others = new Set([...containers, ...initContainers].map(({ name }) => name));
  const names = new Set(others);
  return eachItem(at, ephemeralContainers, (container, place) => {
    const errors = [...validateContainer(container, around, place), ...validateImageSpaces(container, place)];
    if (names.has(container.name)) errors.push(duplicate(place.child("name"), container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) errors.push(notFoundValue(place.child("targetContainerName"), target));
    const detail = "cannot be set for an Ephemeral Container";
    for (const field of forbiddenForEphemeral)
      if (isSet(container[field])) errors.push(forbiddenField(place.child(field), detail));
    for (const [index, mount] of (container.volumeMounts ?? []).entries())
      for (const field of ["subPath", "subPathExpr"] as const)
        if (mount[field]) errors.push(forbiddenField(place.child("volumeMounts").index(index).child(field), detail));
    return errors;
  });
}

function isSet(value: unknown): boolean {
  return typeof value === "object" && value !== null ? Object.keys(value).length > 0 : value !== undefined;
}

/** What all kinds of containers have. */
function validateContainer(container: Container | EphemeralContainer, around: Surroundings, at: Path): FieldError[] {
  const { spec, volumes, claims } = around;
  return [
    ...(container.name
      ? invalidFor(at.child("name"), container.name, isDns1123Label(container.name))
      : [required(at.child("name"))]),
    ...requiredField(at.child("image"), container.image),
    ...requiredEnum(at.child("terminationMessagePolicy"), container.terminationMessagePolicy, [
      "File",
      "FallbackToLogsOnError",
    ]),
    ...validatePorts(container.ports, at.child("ports")),
    ...validateEnv(at.child("env"), container.env),
    ...validateEnvFrom(at.child("envFrom"), container.envFrom),
    ...validateMounts(container, volumes, at),
    ...validateDevices(container, volumes, at),
    ...requiredEnum(at.child("imagePullPolicy"), container.imagePullPolicy, pullPolicies),
    ...validateContainerResources(container.resources, claims, at.child("resources")),
    ...validateResizePolicy(container, spec.restartPolicy, at.child("resizePolicy")),
    ...validateSecurityContext(container.securityContext, spec.hostUsers !== false, at.child("securityContext")),
  ];
}

/** Only pods are held to this: templates with odd images are older than the rule. */
export function validateImageSpaces({ image = "" }: Container | EphemeralContainer, at: Path): FieldError[] {
  if (image.trim() === image) return [];
  return [invalidValue(at.child("image"), image, "must not have leading or trailing whitespace")];
}

function validatePorts(ports: readonly ContainerPort[] | undefined, at: Path): FieldError[] {
  const names = new Set<string>();
  return eachItem(at, ports, ({ name, containerPort, hostPort, protocol }, place) => {
    const errors: FieldError[] = [];
    if (name) {
      const messages = isPortName(name);
      append(errors, invalidFor(place.child("name"), name, messages));
      if (messages.length === 0 && names.has(name)) errors.push(duplicate(place.child("name"), name));
      names.add(name);
    }
    const portAt = place.child("containerPort");
    append(errors, containerPort ? invalidFor(portAt, containerPort, isPortNumber(containerPort)) : [required(portAt)]);
    if (hostPort) append(errors, invalidFor(place.child("hostPort"), hostPort, isPortNumber(hostPort)));
    append(errors, requiredEnum(place.child("protocol"), protocol, portProtocols));
    return errors;
  });
}

/** No two ports may want the same port of the node. */
function validateHostPorts(containers: readonly Container[], at: Path): FieldError[] {
  const taken = new Set<string>();
  return eachItem(at, containers, (container, place) =>
    eachItem(place.child("ports"), container.ports, ({ protocol, hostIP = "", hostPort }, port) => {
      if (!hostPort) return [];
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (taken.has(key)) return [duplicate(port.child("hostPort"), key)];
      taken.add(key);
      return [];
    }),
  );
}

/** A sidecar is started again whatever its exit code says. */
function validateInitRestartPolicy(container: Container, at: Path): FieldError[] {
  if (container.restartPolicy === undefined) return [];
  if (!isRestartableInitContainer(container)) return validateRestartPolicy(container, at);
  if (!container.restartPolicyRules?.length) return [];
  const detail = "restartPolicyRules are not allowed for init containers with restart policy Always";
  return [forbiddenField(at.child("restartPolicyRules"), detail)];
}

function validateRestartPolicy({ restartPolicy, restartPolicyRules = [] }: Container, at: Path): FieldError[] {
  const errors = optionalEnum(at.child("restartPolicy"), restartPolicy, restartPolicies);
  const rulesAt = at.child("restartPolicyRules");
  if (restartPolicyRules.length > 0 && restartPolicy === undefined)
    errors.push(required(at.child("restartPolicy"), "must specify restartPolicy when restart rules are used"));
  if (restartPolicyRules.length > restartRulesMax) errors.push(tooLong(rulesAt, restartRulesMax));
  append(
    errors,
    eachItem(rulesAt, restartPolicyRules, ({ action, exitCodes }, place) => {
      const wrong = optionalEnum(place.child("action"), action ?? "", ["Restart"]);
      const codesAt = place.child("exitCodes");
      if (!exitCodes) return [...wrong, required(codesAt, "must be specified")];
      append(wrong, optionalEnum(codesAt.child("operator"), exitCodes.operator ?? "", ["In", "NotIn"]));
      const count = exitCodes.values?.length ?? 0;
      if (count > exitCodesMax) wrong.push(tooLong(codesAt.child("values"), exitCodesMax));
      return wrong;
    }),
  );
  return errors;
}

function validateResizePolicy({ resizePolicy }: Container, podPolicy: string | undefined, at: Path): FieldError[] {
  const seen = new Set<string>();
  return eachItem(at, resizePolicy, ({ resourceName, restartPolicy }, place) => {
    const errors = seen.has(resourceName) ? [duplicate(place, resourceName)] : [];
    seen.add(resourceName);
    if (!resourceName) errors.push(required(at));
    else if (resourceName !== "cpu" && resourceName !== "memory")
      errors.push(notSupported(at, resourceName, ["cpu", "memory"]));
    append(errors, requiredEnum(at, restartPolicy, ["NotRequired", "RestartContainer"]));
    if (podPolicy === "Never" && restartPolicy !== "NotRequired")
      errors.push(invalidValue(at, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
    return errors;
  });
}
