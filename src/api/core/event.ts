import { append, exceedsBytes } from "../../lib/index.ts";
import { nameColumn, timeSince } from "../columns.ts";
import { invalidFor, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import { isQualifiedName } from "../meta/names.ts";
import { defineResource } from "../resource.ts";
import type { Event } from "../types.generated.ts";

export const Events = defineResource<Event>({
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  columns: [
    { name: "Last Seen", type: "string", of: lastSeenCell },
    { name: "Type", type: "string", of: (event) => event.type ?? "" },
    { name: "Reason", type: "string", of: (event) => event.reason ?? "" },
    { name: "Object", type: "string", of: objectCell },
    { name: "Subobject", type: "string", priority: 1, of: (event) => event.involvedObject.fieldPath ?? "" },
    { name: "Source", type: "string", priority: 1, of: sourceCell },
    { name: "Message", type: "string", of: (event) => (event.message ?? "").trim() },
    { name: "First Seen", type: "string", priority: 1, of: firstSeenCell },
    { name: "Count", type: "string", priority: 1, of: (event) => event.series?.count ?? (event.count || 1) },
    { ...nameColumn, priority: 1 },
  ],
  selectableFields: {
    "involvedObject.kind": (event) => event.involvedObject.kind ?? "",
    "involvedObject.namespace": (event) => event.involvedObject.namespace ?? "",
    "involvedObject.name": (event) => event.involvedObject.name ?? "",
    "involvedObject.uid": (event) => event.involvedObject.uid ?? "",
    "involvedObject.apiVersion": (event) => event.involvedObject.apiVersion ?? "",
    "involvedObject.resourceVersion": (event) => event.involvedObject.resourceVersion ?? "",
    "involvedObject.fieldPath": (event) => event.involvedObject.fieldPath ?? "",
    reason: (event) => event.reason ?? "",
    reportingComponent: (event) => event.reportingComponent ?? "",
    source: (event) => event.source?.component || event.reportingComponent || "",
    type: (event) => event.type ?? "",
  },
  allowsCreateOnUpdate: true,
  defaults: (event) => {
    event.involvedObject ??= {};
  },
  validate: validateEvent,
});

function firstSeenCell(event: Event, nowMs: number): string {
  return timeSince(event.firstTimestamp ?? event.eventTime, nowMs);
}

function lastSeenCell(event: Event, nowMs: number): string {
  if (event.series) return timeSince(event.series.lastObservedTime, nowMs);
  return event.lastTimestamp ? timeSince(event.lastTimestamp, nowMs) : firstSeenCell(event, nowMs);
}

function objectCell({ involvedObject: { kind = "", name } }: Event): string {
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase();
}

function sourceCell({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source?.component || reportingComponent || "";
  const instance = source?.host || reportingInstance;
  return instance ? `${component}, ${instance}` : component;
}

const wordLengthMax = 128;
const messageLengthMax = 1024;

/** What any event must be, in whichever version it is written; those with an eventTime are held to more. */
export function validateEvent(event: Event, at: Path): FieldError[] {
  const { namespace = "" } = event.metadata;
  const involved = event.involvedObject.namespace ?? "";
  const mismatch = [invalidValue(at.child("involvedObject", "namespace"), involved, "does not match event.namespace")];
  if (!event.eventTime) {
    if (involved === "") return namespace === "" || namespace === "default" ? [] : mismatch;
    return involved === namespace ? [] : mismatch;
  }
  const errors = involved === "" && namespace !== "default" && namespace !== "kube-system" ? mismatch : [];
  const { reportingComponent: controller = "", reportingInstance, action, reason, message = "" } = event;
  const tooLong = (field: string, length: number) =>
    invalidValue(at.child(field), "", `can have at most ${length} characters`);
  append(
    errors,
    requiredField(at.child("reportingController"), controller),
    invalidFor(at.child("reportingController"), controller, isQualifiedName(controller)),
  );
  for (const [field, value] of Object.entries({ reportingInstance, action, reason })) {
    append(errors, requiredField(at.child(field), value));
    if (exceedsBytes(wordLengthMax, value ?? "")) errors.push(tooLong(field, wordLengthMax));
  }
  if (exceedsBytes(messageLengthMax, message)) errors.push(tooLong("message", messageLengthMax));
  return errors;
}
