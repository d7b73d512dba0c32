import { Events, validateEvent } from "../core/event.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path, required } from "../meta/field-error.ts";
import { immutableField, immutableFields } from "../meta/object-meta.ts";
import { type Column, defineResource, type ResourceDefinition } from "../resource.ts";
import type { Event, EventsEvent } from "../types.generated.ts";

export const EventsV1 = defineResource<EventsEvent>({
  group: "events.k8s.io",
  version: "v1",
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  columns: Events.columns.map(
    (column): Column<EventsEvent> => ({ ...column, of: (event, nowMs) => column.of(toCore(event), nowMs) }),
  ),
  selectableFields: {
    "regarding.kind": (event) => event.regarding?.kind ?? "",
    "regarding.namespace": (event) => event.regarding?.namespace ?? "",
    "regarding.name": (event) => event.regarding?.name ?? "",
    "regarding.uid": (event) => event.regarding?.uid ?? "",
    "regarding.apiVersion": (event) => event.regarding?.apiVersion ?? "",
    "regarding.resourceVersion": (event) => event.regarding?.resourceVersion ?? "",
    "regarding.fieldPath": (event) => event.regarding?.fieldPath ?? "",
    reason: (event) => event.reason ?? "",
    reportingController: (event) => event.reportingController ?? "",
    type: (event) => event.type ?? "",
  },
  allowsCreateOnUpdate: true,
  stored: {
    // The store treats all kinds alike; it asks a definition about its own objects only.
    definition: () => Events as unknown as ResourceDefinition,
    toStored: (event) => toCore(event as EventsEvent),
    fromStored: (stored) => fromCore(stored as Event),
  },
  validate: (event, at) => validateEvent(toCore(event), at),
  validateCreate,
  validateUpdate,
});

/** The same event under the names of core/v1. */
function toCore(event: EventsEvent): Event {
  const { apiVersion: _, note, regarding, reportingController, ...rest } = event;
  const { deprecatedCount, deprecatedFirstTimestamp, deprecatedLastTimestamp, deprecatedSource, ...kept } = rest;
  return {
    ...kept,
    apiVersion: "v1",
    kind: "Event",
    involvedObject: regarding ?? {},
    ...(note !== undefined && { message: note }),
    reportingComponent: reportingController ?? "",
    reportingInstance: event.reportingInstance ?? "",
    ...(deprecatedCount !== undefined && { count: deprecatedCount }),
    firstTimestamp: deprecatedFirstTimestamp ?? null,
    lastTimestamp: deprecatedLastTimestamp ?? null,
    ...(deprecatedSource !== undefined && { source: deprecatedSource }),
  };
}

function fromCore(event: Event): EventsEvent {
  const { apiVersion: _, message, involvedObject, reportingComponent, reportingInstance, series, ...rest } = event;
  const { count, firstTimestamp, lastTimestamp, source, ...kept } = rest;
  return {
    // Events that were written through core/v1 may lack times that this version calls required.
    ...(kept as typeof kept & Pick<EventsEvent, "eventTime">),
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    regarding: involvedObject,
    ...(series && { series: { count: 0, ...series } as NonNullable<EventsEvent["series"]> }),
    ...(message !== undefined && { note: message }),
    ...(reportingComponent && { reportingController: reportingComponent }),
    ...(reportingInstance && { reportingInstance }),
    ...(count !== undefined && { deprecatedCount: count }),
    deprecatedFirstTimestamp: firstTimestamp ?? null,
    deprecatedLastTimestamp: lastTimestamp ?? null,
    ...(source !== undefined && { deprecatedSource: source }),
  };
}

// The errors name the fields of core/v1, as those of Kubernetes do.

function validateCreate(event: EventsEvent, at: Path): FieldError[] {
  const errors = validateSeries(event, at);
  if (!event.eventTime) errors.push(required(at.child("eventTime")));
  if (event.type !== "Normal" && event.type !== "Warning")
    errors.push(invalidValue(at.child("type"), "", `has invalid value: ${event.type ?? ""}`));
  const unset = (field: string) => invalidValue(at.child(field), "", "needs to be unset");
  if (event.deprecatedFirstTimestamp) errors.push(unset("firstTimestamp"));
  if (event.deprecatedLastTimestamp) errors.push(unset("lastTimestamp"));
  if (event.deprecatedCount) errors.push(unset("count"));
  if (event.deprecatedSource?.component || event.deprecatedSource?.host) errors.push(unset("source"));
  return errors;
}

const shownReference = shownAs("io.k8s.api.core.v1.ObjectReference");
const shownSource = shownAs("io.k8s.api.core.v1.EventSource");

function validateUpdate(next: EventsEvent, old: EventsEvent, at: Path): FieldError[] {
  const [now, before] = [toCore(next), toCore(old)];
  return [
    ...validateSeries(next, at),
    ...immutableField(at.child("involvedObject"), now.involvedObject, before.involvedObject, shownReference),
    ...immutableFields(at, now, before, ["reason", "message"]),
    ...immutableField(at.child("source"), now.source, before.source, shownSource),
    ...immutableFields(at, now, before, ["firstTimestamp", "lastTimestamp", "count", "type", "eventTime", "action"]),
    ...immutableField(at.child("related"), now.related, before.related, shownReference),
    ...immutableFields(at, now, before, ["reportingComponent", "reportingInstance"]),
  ];
}

function validateSeries({ series }: EventsEvent, at: Path): FieldError[] {
  if (!series) return [];
  const errors: FieldError[] = [];
  if (series.count < 2) errors.push(invalidValue(at.child("series", "count"), "", "should be at least 2"));
  if (!series.lastObservedTime) errors.push(required(at.child("series", "lastObservedTime")));
  return errors;
}
