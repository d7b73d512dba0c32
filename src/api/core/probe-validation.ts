// What probes and lifecycle hooks may be: k8s.io/kubernetes/pkg/apis/core/validation/validation.go.
import { append, type Int64 } from "../../lib/index.ts";
import { invalidFor, nonnegative, optionalEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import { isHttpHeaderName } from "../meta/names.ts";
import type { Container, HTTPGetAction, Lifecycle, LifecycleHandler, PodSpec, Probe } from "../types.generated.ts";
import { validatePortNumberOrName } from "./port.ts";

/** What the probes and hooks of a container of the pod may be. */
export function validateProbesAndLifecycle(container: Container, spec: PodSpec, at: Path): FieldError[] {
  const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container;
  const errors = lifecycle ? validateLifecycle(lifecycle, spec, at.child("lifecycle")) : [];
  if (livenessProbe) append(errors, validateProbe(livenessProbe, at.child("livenessProbe"), true));
  if (readinessProbe) {
    const place = at.child("readinessProbe");
    append(errors, validateProbe(readinessProbe, place, false));
    const seconds = readinessProbe.terminationGracePeriodSeconds;
    if (seconds !== undefined)
      errors.push(
        invalidValue(place.child("terminationGracePeriodSeconds"), seconds, "must not be set for readinessProbes"),
      );
  }
  if (startupProbe) append(errors, validateProbe(startupProbe, at.child("startupProbe"), true));
  return errors;
}

function validateProbe(probe: Probe, at: Path, succeedsOnce: boolean): FieldError[] {
  const errors = validateHandler(probe, undefined, at);
  for (const field of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const)
    append(errors, nonnegative(at.child(field), probe[field]));
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    errors.push(invalidValue(at.child("terminationGracePeriodSeconds"), grace, "must be greater than 0"));
  if (succeedsOnce && probe.successThreshold !== 1)
    errors.push(invalidValue(at.child("successThreshold"), probe.successThreshold ?? 0, "must be 1"));
  return errors;
}

function validateLifecycle({ postStart, preStop }: Lifecycle, spec: PodSpec, at: Path): FieldError[] {
  // A sleep must fit into the pod's termination grace period; undefined when that is wrong itself.
  const graceSeconds = spec.terminationGracePeriodSeconds;
  return [
    ...(postStart ? validateHandler(postStart, graceSeconds, at.child("postStart")) : []),
    ...(preStop ? validateHandler(preStop, graceSeconds, at.child("preStop")) : []),
  ];
}

type Handler = Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc"> & Pick<LifecycleHandler, "sleep">;

function validateHandler(handler: Handler, graceSeconds: Int64 | undefined, at: Path): FieldError[] {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  const rules: [string, boolean, (place: Path) => FieldError[]][] = [
    ["exec", exec !== undefined, (place) => requiredField(place.child("command"), exec?.command)],
    ["httpGet", httpGet !== undefined, (place) => (httpGet ? validateHttpGet(httpGet, place) : [])],
    [
      "tcpSocket",
      tcpSocket !== undefined,
      (place) => validatePortNumberOrName(place.child("port"), tcpSocket?.port ?? 0),
    ],
    ["grpc", grpc !== undefined, (place) => validatePortNumberOrName(place.child("port"), grpc?.port ?? 0)],
    ["sleep", sleep !== undefined, (place) => validateSleep(sleep?.seconds ?? 0, graceSeconds, place)],
  ];
  const given = rules.filter(([, isGiven]) => isGiven);
  if (given.length === 0) return [required(at, "must specify a handler type")];
  return given.flatMap(([field, , rule], index) =>
    index === 0 ? rule(at.child(field)) : [forbiddenField(at.child(field), "may not specify more than 1 handler type")],
  );
}

function validateHttpGet({ path, port, scheme, httpHeaders }: HTTPGetAction, at: Path): FieldError[] {
  return [
    ...requiredField(at.child("path"), path),
    ...validatePortNumberOrName(at.child("port"), port ?? 0),
    ...optionalEnum(at.child("scheme"), scheme ?? "", ["HTTP", "HTTPS"]),
    ...(httpHeaders ?? []).flatMap(({ name = "" }) =>
      invalidFor(at.child("httpHeaders"), name, isHttpHeaderName(name)),
    ),
  ];
}

function validateSleep(seconds: Int64, graceSeconds: Int64 | undefined, at: Path): FieldError[] {
  if (graceSeconds === undefined || (seconds >= 0 && seconds <= graceSeconds)) return [];
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`;
  return [invalidValue(at, seconds, detail)];
}
