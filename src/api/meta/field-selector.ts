// Field selectors of list, watch and deletecollection: k8s.io/apimachinery/pkg/fields.
import type { KubeObject, ResourceDefinition } from "../resource.ts";
import { badRequest } from "./api-error.ts";

/** One condition: the field has, or has not, exactly this value. */
export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

/** What a field selector may name, and where it reads the values. */
export type SelectableFields = Pick<ResourceDefinition, "selectableFields"> &
  Partial<Pick<ResourceDefinition, "namespaced" | "unselectableField">>;

/** Conditions that a text selector may have. */
const requirementsMax = 100;

/** Reads the text form, as in `metadata.name=a,spec.nodeName!=`. Throws a 400 when the text or a field's name is wrong. */
export function parseFieldSelector(text: string, kind: SelectableFields): FieldRequirement[] {
  return readFieldSelector(text, (field) => {
    if (!isSelectable(field, kind)) throw badRequest(unknownField(field, kind));
  });
}

function isSelectable(field: string, kind: SelectableFields): boolean {
  if (field === "metadata.name" || Object.hasOwn(kind.selectableFields, field)) return true;
  return field === "metadata.namespace" && (kind.namespaced !== false || !hasOwnFields(kind));
}

/** Kinds that know only the two fields of every kind take both, also where there is no namespace. */
function hasOwnFields({ selectableFields, unselectableField }: SelectableFields): boolean {
  return unselectableField !== undefined || Object.keys(selectableFields).length > 0;
}

/** The same, whatever the fields are called; `check` sees each name. */
export function readFieldSelector(text: string, check: (field: string) => void = () => {}): FieldRequirement[] {
  const requirements: FieldRequirement[] = [];
  for (const term of termsOf(text)) {
    if (term === "") continue;
    const match = /!=|==|=/.exec(term);
    if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const field = term.slice(0, match.index);
    const value = unescapeFieldValue(term.slice(match.index + match[0].length));
    check(field);
    requirements.push({ field, operator: match[0] === "!=" ? "!=" : "=", value });
    if (requirements.length > requirementsMax)
      throw badRequest(`invalid selector: more than ${requirementsMax} requirements`);
  }
  return requirements;
}

/** Kinds with fields of their own word it otherwise than those with only the two of every kind. */
function unknownField(field: string, kind: SelectableFields): string {
  if (kind.unselectableField) return kind.unselectableField(field);
  if (hasOwnFields(kind)) return `field label not supported: ${field}`;
  return `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

/** Splits at commas that no backslash escapes. */
function termsOf(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === ",") {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeFieldValue(value: string): string {
  let result = "";
  for (let at = 0; at < value.length; at++) {
    const char = value[at]!;
    if (char === "\\") {
      const next = value[++at] ?? "";
      if (next !== "\\" && next !== "," && next !== "=")
        throw badRequest(`invalid field selector: invalid escape sequence: \\${next}`);
      result += next;
      // Go prints the character as its number.
    } else if (char === "=" || char === ",")
      throw badRequest(`invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`);
    else result += char;
  }
  return result;
}

/** Whether the object meets every requirement that parseFieldSelector made for its kind. */
export function matchesFields<T extends KubeObject>(
  requirements: readonly FieldRequirement[],
  object: T,
  { selectableFields }: Pick<ResourceDefinition<T>, "selectableFields">,
): boolean {
  for (const { field, operator, value } of requirements) {
    const actual = fieldValue(object, field, selectableFields);
    if ((actual === value) !== (operator === "=")) return false;
  }
  return true;
}

function fieldValue<T extends KubeObject>(
  object: T,
  field: string,
  selectableFields: Readonly<Record<string, (object: T) => string>>,
): string {
  if (field === "metadata.name") return object.metadata.name ?? "";
  if (field === "metadata.namespace") return object.metadata.namespace ?? "";
  return selectableFields[field]?.(object) ?? "";
}

/** The value that an `=` requirement demands of the field; lets a list of one name become a get. */
export function exactFieldValue(requirements: readonly FieldRequirement[], field: string): string | undefined {
  return requirements.find((each) => each.field === field && each.operator === "=")?.value;
}
