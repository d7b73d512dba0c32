// Which names a CRD gets: k8s.io/apiextensions-apiserver/pkg/controller/status/naming_controller.go.
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
} from "../api/index.ts";

export interface PlannedNames {
  readonly accepted: CustomResourceDefinitionNames;
  /** NamesAccepted. */
  readonly condition: CustomResourceDefinitionCondition;
}

/** The names that `crd` asks for and that nobody else in its group has; it keeps what it had of the others. */
export function planNames(crd: CustomResourceDefinition, all: readonly CustomResourceDefinition[]): PlannedNames {
  const wanted = crd.spec.names;
  const had: Partial<CustomResourceDefinitionNames> = crd.status.acceptedNames ?? {};
  const others = all
    .filter((each) => each.spec.group === crd.spec.group && each.metadata.name !== crd.metadata.name)
    .map((each): Partial<CustomResourceDefinitionNames> => each.status.acceptedNames ?? {});
  const resources = new Set(
    others.flatMap(({ plural, singular, shortNames = [] }) => [plural, singular, ...shortNames]),
  );
  const kinds = new Set(others.flatMap(({ kind, listKind }) => [kind, listKind]));
  const accepted: { -readonly [Field in keyof CustomResourceDefinitionNames]: CustomResourceDefinitionNames[Field] } = {
    kind: had.kind ?? "",
    plural: had.plural ?? "",
    ...(had.singular === undefined ? {} : { singular: had.singular }),
    ...(had.listKind === undefined ? {} : { listKind: had.listKind }),
    ...(had.shortNames === undefined ? {} : { shortNames: had.shortNames }),
    ...(wanted.categories === undefined ? {} : { categories: wanted.categories }),
  };
  let condition: CustomResourceDefinitionCondition = {
    type: "NamesAccepted",
    status: "True",
    reason: "NoConflicts",
    message: "no conflicts found",
  };
  const inUse = (name: string) => `${JSON.stringify(name)} is already in use`;
  const refuse = (reason: string, message: string) => {
    condition = { type: "NamesAccepted", status: "False", reason, message };
  };
  const claim = (field: "plural" | "singular" | "kind" | "listKind", taken: ReadonlySet<string | undefined>) => {
    const name = wanted[field];
    if (name === undefined) return;
    if (name !== had[field] && taken.has(name))
      refuse(`${field.charAt(0).toUpperCase()}${field.slice(1)}Conflict`, inUse(name));
    else accepted[field] = name;
  };
  claim("plural", resources);
  claim("singular", resources);
  const conflicts = (wanted.shortNames ?? []).filter((name) => !had.shortNames?.includes(name) && resources.has(name));
  if (conflicts.length > 0) refuse("ShortNamesConflict", aggregated(conflicts.map(inUse)));
  else if (wanted.shortNames === undefined) delete accepted.shortNames;
  else accepted.shortNames = wanted.shortNames;
  claim("kind", kinds);
  claim("listKind", kinds);
  return { accepted, condition };
}

/** Several errors as Go's aggregate prints them. */
function aggregated(messages: readonly string[]): string {
  return messages.length === 1 ? messages[0]! : `[${messages.join(", ")}]`;
}
