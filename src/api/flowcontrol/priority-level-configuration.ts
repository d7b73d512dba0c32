import { append, type Draft, deepEqual } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { resetMetadataForStatus } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type {
  ExemptPriorityLevelConfiguration,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from "../types.generated.ts";
import { validateFlowConditions } from "./flow-conditions.ts";
import { mandatoryPriorityLevels } from "./mandatory.ts";

const queuesMax = 10_000_000;
/** Of the hash that deals requests to queues. */
const hashBitsMax = 60;

export const PriorityLevelConfigurations = defineResource<PriorityLevelConfiguration>({
  group: "flowcontrol.apiserver.k8s.io",
  version: "v1",
  kind: "PriorityLevelConfiguration",
  plural: "prioritylevelconfigurations",
  columns: [
    nameColumn,
    { name: "Type", type: "string", of: ({ spec }) => spec.type },
    {
      name: "NominalConcurrencyShares",
      type: "string",
      of: ({ spec }) => (spec.limited ? (spec.limited.nominalConcurrencyShares ?? 0) : "<none>"),
    },
    { name: "Queues", type: "string", of: (level) => queuingOf(level)?.queues ?? "<none>" },
    { name: "HandSize", type: "string", of: (level) => queuingOf(level)?.handSize ?? "<none>" },
    { name: "QueueLengthLimit", type: "string", of: (level) => queuingOf(level)?.queueLengthLimit ?? "<none>" },
    ageColumn,
  ],
  defaults: defaultPriorityLevel,
  prepareForStatusUpdate: ({ metadata }, old) => resetMetadataForStatus(metadata, old.metadata),
  validate: ({ metadata, spec }, at) => validateSpec(metadata.name, spec, at.child("spec")),
  validateStatusUpdate: ({ status }, _old, at) =>
    validateFlowConditions(status.conditions, at.child("status", "conditions")),
});

function queuingOf({ spec }: PriorityLevelConfiguration): QueuingConfiguration | undefined {
  return spec.limited?.limitResponse?.queuing;
}

function defaultPriorityLevel({ spec: { exempt, limited } }: Draft<PriorityLevelConfiguration>): void {
  if (exempt) {
    exempt.nominalConcurrencyShares ??= 0;
    exempt.lendablePercent ??= 0;
  }
  if (!limited) return;
  limited.nominalConcurrencyShares ??= 30;
  limited.lendablePercent ??= 0;
  const queuing = limited.limitResponse?.queuing;
  if (!queuing) return;
  queuing.handSize ||= 8;
  queuing.queues ||= 64;
  queuing.queueLengthLimit ||= 50;
}

function validateSpec(name: string, spec: PriorityLevelConfigurationSpec, at: Path): FieldError[] {
  const { type = "", exempt, limited } = spec;
  const errors: FieldError[] = [];
  if ((name === "exempt") !== (type === "Exempt"))
    errors.push(invalidValue(at.child("type"), type, "type must be 'Exempt' if and only if name is 'exempt'"));
  switch (type) {
    case "Exempt":
      if (limited) errors.push(forbiddenField(at.child("limited"), "must be nil if the type is not Limited"));
      if (exempt) append(errors, validateShares(exempt, at.child("exempt")));
      break;
    case "Limited":
      if (exempt) errors.push(forbiddenField(at.child("exempt"), "must be nil if the type is Limited"));
      if (limited) append(errors, validateLimited(limited, at.child("limited")));
      else errors.push(required(at.child("limited"), "must not be empty when type is Limited"));
      break;
    default:
      errors.push(notSupported(at.child("type"), type, ["Exempt", "Limited"]));
  }
  return [...errors, ...validateMandatory(name, spec, at)];
}

const shownSpec = shownAs("io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationSpec");

function validateMandatory(name: string, spec: PriorityLevelConfigurationSpec, at: Path): FieldError[] {
  const fixed = mandatoryPriorityLevels.get(name);
  if (!fixed) return [];
  if (name !== "exempt")
    return deepEqual(spec, fixed)
      ? []
      : [invalidValue(at, shownSpec(spec), `spec of '${name}' must equal the fixed value`)];
  return spec.type === fixed.type && !spec.limited
    ? []
    : [
        invalidValue(
          at,
          shownSpec(spec),
          `spec of '${name}' except the 'spec.exempt' field must equal the fixed value`,
        ),
      ];
}

function validateShares({ nominalConcurrencyShares, lendablePercent }: ExemptPriorityLevelConfiguration, at: Path) {
  const errors: FieldError[] = [];
  if (nominalConcurrencyShares !== undefined && nominalConcurrencyShares < 0)
    errors.push(
      invalidValue(at.child("nominalConcurrencyShares"), nominalConcurrencyShares, "must be a non-negative integer"),
    );
  if (lendablePercent !== undefined && (lendablePercent < 0 || lendablePercent > 100))
    errors.push(invalidValue(at.child("lendablePercent"), lendablePercent, "must be between 0 and 100, inclusive"));
  return errors;
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, at: Path): FieldError[] {
  const { borrowingLimitPercent, limitResponse = { type: "" } } = limited;
  const errors = [...validateShares(limited, at), ...validateLimitResponse(limitResponse, at.child("limitResponse"))];
  if (borrowingLimitPercent !== undefined && borrowingLimitPercent < 0)
    errors.push(
      invalidValue(
        at.child("borrowingLimitPercent"),
        borrowingLimitPercent,
        "if specified, must be a non-negative integer",
      ),
    );
  return errors;
}

function validateLimitResponse({ type = "", queuing }: LimitResponse, at: Path): FieldError[] {
  const place = at.child("queuing");
  switch (type) {
    case "Reject":
      return queuing ? [forbiddenField(place, "must be nil if limited.limitResponse.type is not Limited")] : [];
    case "Queue":
      return queuing
        ? validateQueuing(queuing, place)
        : [required(place, "must not be empty if limited.limitResponse.type is Limited")];
    default:
      return [notSupported(at.child("type"), type, ["Queue", "Reject"])];
  }
}

function validateQueuing({ queues = 0, handSize = 0, queueLengthLimit = 0 }: QueuingConfiguration, at: Path) {
  const errors: FieldError[] = [];
  const bad = (field: string, value: number, detail: string) =>
    errors.push(invalidValue(at.child(field), value, detail));
  if (queueLengthLimit <= 0) bad("queueLengthLimit", queueLengthLimit, "must be positive");
  if (queues <= 0) bad("queues", queues, "must be positive");
  else if (queues > queuesMax) bad("queues", queues, `must not be greater than ${queuesMax}`);
  if (handSize <= 0) bad("handSize", handSize, "must be positive");
  else if (handSize > queues) bad("handSize", handSize, `should not be greater than queues (${queues})`);
  else if (Math.ceil(Math.log2(queues) * handSize) > hashBitsMax)
    bad(
      "handSize",
      handSize,
      `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${hashBitsMax}`,
    );
  return errors;
}
