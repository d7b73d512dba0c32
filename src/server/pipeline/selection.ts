import {
  badRequest,
  exactFieldValue,
  type FieldRequirement,
  type KubeObject,
  type LabelRequirement,
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  type RequestOptions,
  type ResourceDefinition,
} from "../../api/index.ts";

/** What a list or watch wants to see. */
export interface Selection {
  /** Whether every object of the collection is meant. */
  readonly all: boolean;
  readonly matches: (object: KubeObject) => boolean;
  /** The one name that is asked for, when the selector pins it. */
  readonly name: string | undefined;
  /** The one value of a selectable field that is asked for, by field. */
  readonly exact: (field: string) => string | undefined;
}

const everything: Selection = { all: true, matches: () => true, name: undefined, exact: () => undefined };

/** The selection of a request's selectors; `name` narrows it to one object. Throws 400 for selectors that cannot be read. */
export function selectionOf(
  definition: ResourceDefinition,
  options: Pick<RequestOptions, "labelSelector" | "fieldSelector">,
  name: string,
): Selection {
  const labels = options.labelSelector ? parseLabelSelector(options.labelSelector) : [];
  const fields = options.fieldSelector ? parseFieldSelector(options.fieldSelector, definition) : [];
  if (name !== "" && fields.length > 0 && exactFieldValue(fields, "metadata.name") !== name)
    throw badRequest("fieldSelector metadata.name doesn't match requested name");
  if (name !== "") fields.push({ field: "metadata.name", operator: "=", value: name });
  if (labels.length === 0 && fields.length === 0) return everything;
  return {
    all: false,
    matches: matcher(definition, labels, fields),
    name: exactFieldValue(fields, "metadata.name"),
    exact: (field) => exactFieldValue(fields, field),
  };
}

function matcher(
  definition: ResourceDefinition,
  labels: readonly LabelRequirement[],
  fields: readonly FieldRequirement[],
): (object: KubeObject) => boolean {
  return (object) => matchesLabels(labels, object.metadata.labels) && matchesFields(fields, object, definition);
}
