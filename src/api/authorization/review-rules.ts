// What may be asked about who may do what: k8s.io/kubernetes/pkg/apis/authorization/validation/validation.go.
import { eachItem } from "../field-rules.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import { validateLabelName } from "../meta/label-selector.ts";
import { isLabelValue } from "../meta/names.ts";
import type { KubeObject } from "../resource.ts";
import type {
  FieldSelectorAttributes,
  FieldSelectorRequirement,
  LabelSelectorAttributes,
  LabelSelectorRequirement,
  LocalSubjectAccessReview,
  ResourceAttributes,
  SelfSubjectAccessReviewSpec,
  SubjectAccessReviewSpec,
} from "../types.generated.ts";

/** What of metadata a decoded review may have. */
const allowedMetadata = ["creationTimestamp", "managedFields"];

const shownMetadata = shownAs("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
const shownAttributes = shownAs("io.k8s.api.authorization.v1.NonResourceAttributes");

/** A review is answered and not stored: metadata would say nothing. */
export function validateReviewMetadata({ metadata }: KubeObject, at: Path): FieldError[] {
  return isEmptyBut(allowedMetadata, metadata)
    ? []
    : [invalidValue(at.child("metadata"), shownMetadata(metadata), "must be empty")];
}

function isEmptyBut(allowed: readonly string[], metadata: object | undefined): boolean {
  return Object.entries(metadata ?? {}).every(
    ([field, value]) => allowed.includes(field) || value === undefined || value === null || value === "",
  );
}

export function validateAction(spec: SelfSubjectAccessReviewSpec, at: Path): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const place = at.child("resourceAttributes");
  if (resourceAttributes && nonResourceAttributes)
    return [
      invalidValue(
        at.child("nonResourceAttributes"),
        shownAttributes(nonResourceAttributes),
        "cannot be specified in combination with resourceAttributes",
      ),
      ...validateAttributes(resourceAttributes, place),
    ];
  if (resourceAttributes) return validateAttributes(resourceAttributes, place);
  return nonResourceAttributes
    ? []
    : [invalidValue(place, undefined, "exactly one of nonResourceAttributes or resourceAttributes must be specified")];
}

export function validateSubjectAndAction(spec: SubjectAccessReviewSpec, at: Path): FieldError[] {
  const errors = validateAction(spec, at);
  if (!spec.user && !spec.groups?.length)
    errors.push(invalidValue(at.child("user"), "", "at least one of user or group must be specified"));
  return errors;
}

/** A review within one namespace is about that namespace alone. */
export function validateLocalReview({ metadata, spec = {} }: LocalSubjectAccessReview, root: Path): FieldError[] {
  const at = root.child("spec");
  const errors = validateSubjectAndAction(spec, at);
  if (!isEmptyBut([...allowedMetadata, "namespace"], metadata))
    errors.push(invalidValue(root.child("metadata"), shownMetadata(metadata), "must be empty except for namespace"));
  const namespace = spec.resourceAttributes?.namespace ?? "";
  if (spec.resourceAttributes && namespace !== (metadata?.namespace ?? ""))
    errors.push(invalidValue(at.child("resourceAttributes", "namespace"), namespace, "must match metadata.namespace"));
  if (spec.nonResourceAttributes)
    errors.push(
      invalidValue(
        at.child("nonResourceAttributes"),
        shownAttributes(spec.nonResourceAttributes),
        "disallowed on this kind of request",
      ),
    );
  return errors;
}

function validateAttributes({ fieldSelector, labelSelector }: ResourceAttributes, at: Path): FieldError[] {
  return [
    ...(fieldSelector ? validateSelector(fieldSelector, validateFieldKey, at.child("fieldSelector")) : []),
    ...(labelSelector ? validateSelector(labelSelector, validateLabelRequirement, at.child("labelSelector")) : []),
  ];
}

type Requirement = FieldSelectorRequirement | LabelSelectorRequirement;
type Selector = FieldSelectorAttributes | LabelSelectorAttributes;

function validateSelector(
  { rawSelector = "", requirements = [] }: Selector,
  validateOwn: (requirement: Requirement, at: Path) => FieldError[],
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  if (rawSelector !== "" && requirements.length > 0)
    errors.push(
      invalidValue(at.child("rawSelector"), rawSelector, "may not specified at the same time as requirements"),
    );
  if (rawSelector === "" && requirements.length === 0)
    errors.push(required(at.child("requirements"), `when ${at} is specified, requirements or rawSelector is required`));
  return [
    ...errors,
    ...eachItem(at.child("requirements"), requirements, (requirement, place) => [
      ...validateValues(requirement, place.child("values")),
      ...validateOwn(requirement, place),
    ]),
  ];
}

/** Operators that only newer clients know are let through: who does not know them asks about more. */
function validateValues({ operator, values = [] }: Requirement, at: Path): FieldError[] {
  if ((operator === "In" || operator === "NotIn") && values.length === 0)
    return [required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
  if ((operator === "Exists" || operator === "DoesNotExist") && values.length > 0)
    return [forbiddenField(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
  return [];
}

function validateFieldKey({ key = "" }: Requirement, at: Path): FieldError[] {
  return key === "" ? [required(at.child("key"), "must be specified")] : [];
}

function validateLabelRequirement({ key = "", values = [] }: Requirement, at: Path): FieldError[] {
  return [
    ...validateLabelName(at.child("key"), key),
    ...eachItem(at.child("values"), values, (value, place) =>
      isLabelValue(value).map((message) => invalidValue(place, value, message)),
    ),
  ];
}
