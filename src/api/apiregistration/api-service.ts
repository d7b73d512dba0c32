import { append, timestamp } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { decodedLength } from "../core/data-map.ts";
import { eachItem, invalidFor, optionalEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path, required } from "../meta/field-error.ts";
import { isDns1035Label, isDns1123Subdomain, isPortNumber, nameIsPathSegment } from "../meta/names.ts";
import { resetMetadataForStatus } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { APIService, APIServiceSpec } from "../types.generated.ts";

const httpsPort = 443;
const groupPriorityMax = 20_000;
const versionPriorityMax = 1000;

export const APIServices = defineResource<APIService>({
  group: "apiregistration.k8s.io",
  version: "v1",
  kind: "APIService",
  plural: "apiservices",
  categories: ["api-extensions"],
  columns: [
    nameColumn,
    {
      name: "Service",
      type: "string",
      description: "The service that serves the API.",
      of: ({ spec: { service } }) => (service ? `${service.namespace ?? ""}/${service.name ?? ""}` : "Local"),
    },
    { name: "Available", type: "string", description: "Whether the API is served now.", of: availableCell },
    ageColumn,
  ],
  hasGeneration: false,
  allowsUnconditionalUpdate: false,
  validateName: nameIsPathSegment,
  defaults: ({ spec }) => {
    if (spec.service) spec.service.port ??= httpsPort;
  },
  prepareForCreate: (service, { nowMs }) => {
    if (service.spec.service) return;
    const lastTransitionTime = timestamp(nowMs);
    const [reason, message] = ["Local", "Local APIServices are always available"];
    service.status.conditions = [{ type: "Available", status: "True", lastTransitionTime, reason, message }];
  },
  prepareForStatusUpdate: ({ metadata }, old) => resetMetadataForStatus(metadata, old.metadata),
  validate,
  validateStatusUpdate: ({ status }, _old, at) =>
    eachItem(at.child("status", "conditions"), status.conditions, (condition, place) =>
      optionalEnum(place.child("status"), condition.status, ["True", "False", "Unknown"]),
    ),
});

function availableCell({ status }: APIService): string {
  const condition = status.conditions?.find(({ type }) => type === "Available");
  if (!condition) return "Unknown";
  return condition.status === "True" || !condition.reason
    ? condition.status
    : `${condition.status} (${condition.reason})`;
}

function validate({ metadata, spec }: APIService, root: Path): FieldError[] {
  const at = root.child("spec");
  const { group = "", version = "", groupPriorityMinimum = 0, versionPriority = 0 } = spec;
  const errors: FieldError[] = [];
  const name = `${version}.${group}`;
  if (metadata.name !== name && nameIsPathSegment(metadata.name, false).length === 0)
    errors.push(
      invalidValue(
        root.child("metadata", "name"),
        metadata.name,
        `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(name)}`,
      ),
    );
  if (group === "" && version !== "v1")
    errors.push(required(at.child("group"), "only v1 may have an empty group and it better be legacy kube"));
  if (group !== "") append(errors, invalidFor(at.child("group"), group, isDns1123Subdomain(group)));
  append(errors, invalidFor(at.child("version"), version, isDns1035Label(version)));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > groupPriorityMax)
    errors.push(
      invalidValue(
        at.child("groupPriorityMinimum"),
        groupPriorityMinimum,
        `must be positive and less than ${groupPriorityMax}`,
      ),
    );
  if (versionPriority <= 0 || versionPriority > versionPriorityMax)
    errors.push(
      invalidValue(
        at.child("versionPriority"),
        versionPriority,
        `must be positive and less than ${versionPriorityMax}`,
      ),
    );
  return [...errors, ...(spec.service ? validateService(spec, at) : validateLocal(spec, at))];
}

/** An API that this server itself serves. */
function validateLocal({ caBundle = "", insecureSkipTLSVerify }: APIServiceSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (caBundle !== "")
    errors.push(
      invalidValue(
        at.child("caBundle"),
        `${decodedLength(caBundle)} bytes`,
        "local APIServices may not have a caBundle",
      ),
    );
  if (insecureSkipTLSVerify)
    errors.push(
      invalidValue(at.child("insecureSkipTLSVerify"), true, "local APIServices may not have insecureSkipTLSVerify"),
    );
  return errors;
}

function validateService({ service = {}, caBundle = "", insecureSkipTLSVerify }: APIServiceSpec, at: Path) {
  const { namespace, name, port = 0 } = service;
  const errors = [
    ...requiredField(at.child("service", "namespace"), namespace),
    ...requiredField(at.child("service", "name"), name),
  ];
  const wrong = isPortNumber(port);
  if (wrong.length > 0)
    errors.push(invalidValue(at.child("service", "port"), port, `port is not valid: ${wrong.join(", ")}`));
  if (insecureSkipTLSVerify && caBundle !== "")
    errors.push(invalidValue(at.child("insecureSkipTLSVerify"), true, "may not be true if caBundle is present"));
  return errors;
}
