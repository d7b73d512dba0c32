import { append, deepEqual } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { eachItem, invalidFor } from "../field-rules.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { goStruct, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { nameIsDnsSubdomain } from "../meta/names.ts";
import { resetMetadataForStatus } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { FlowSchema, FlowSchemaSpec } from "../types.generated.ts";
import { validateFlowConditions } from "./flow-conditions.ts";
import { validateFlowRule } from "./flow-rules.ts";
import { mandatoryFlowSchemas } from "./mandatory.ts";

const defaultPrecedence = 1000;
const precedenceMax = 10_000;

export const FlowSchemas = defineResource<FlowSchema>({
  group: "flowcontrol.apiserver.k8s.io",
  version: "v1",
  kind: "FlowSchema",
  plural: "flowschemas",
  columns: [
    nameColumn,
    { name: "PriorityLevel", type: "string", of: ({ spec }) => spec.priorityLevelConfiguration.name },
    { name: "MatchingPrecedence", type: "string", of: ({ spec }) => spec.matchingPrecedence ?? 0 },
    { name: "DistinguisherMethod", type: "string", of: ({ spec }) => spec.distinguisherMethod?.type ?? "<none>" },
    ageColumn,
    { name: "MissingPL", type: "string", of: danglingCell },
  ],
  defaults: ({ spec }) => {
    spec.matchingPrecedence ||= defaultPrecedence;
  },
  prepareForStatusUpdate: ({ metadata }, old) => resetMetadataForStatus(metadata, old.metadata),
  validate: ({ metadata, spec }, at) => validateSpec(metadata.name, spec, at.child("spec")),
  validateStatusUpdate: ({ status }, _old, at) =>
    validateFlowConditions(status.conditions, at.child("status", "conditions")),
});

/** Whether the priority level that the schema names is missing. */
function danglingCell({ status }: FlowSchema): string {
  const condition = status.conditions?.find(({ type }) => type === "Dangling");
  return condition ? (condition.status ?? "") : "?";
}

function validateSpec(name: string, spec: FlowSchemaSpec, at: Path): FieldError[] {
  const { matchingPrecedence = 0, distinguisherMethod } = spec;
  const errors: FieldError[] = [];
  const badPrecedence = (detail: string) =>
    errors.push(invalidValue(at.child("matchingPrecedence"), matchingPrecedence, detail));
  if (matchingPrecedence <= 0) badPrecedence("must be a positive value");
  if (matchingPrecedence > precedenceMax) badPrecedence(`must not be greater than ${precedenceMax}`);
  if (matchingPrecedence === 1 && name !== "exempt")
    badPrecedence("only the schema named 'exempt' may have matchingPrecedence 1");
  const methods = ["ByNamespace", "ByUser"];
  if (distinguisherMethod && !methods.includes(distinguisherMethod.type))
    errors.push(
      notSupported(at.child("distinguisherMethod", "type"), goStruct({ Type: distinguisherMethod.type }), methods),
    );
  const levelAt = at.child("priorityLevelConfiguration", "name");
  const level = spec.priorityLevelConfiguration?.name ?? "";
  if (level === "") errors.push(required(levelAt, "must reference a priority level"));
  else append(errors, invalidFor(levelAt, level, nameIsDnsSubdomain(level, false)));
  append(errors, eachItem(at.child("rules"), spec.rules, validateFlowRule));
  const fixed = mandatoryFlowSchemas.get(name);
  if (fixed && !deepEqual(spec, fixed))
    errors.push(
      invalidValue(
        at,
        shownAs("io.k8s.api.flowcontrol.v1.FlowSchemaSpec")(spec),
        `spec of '${name}' must equal the fixed value`,
      ),
    );
  return errors;
}
