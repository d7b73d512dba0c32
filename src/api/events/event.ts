import { defineResource } from "../resource.ts";
import type { EventsEvent } from "../types.generated.ts";

export const EventsV1 = defineResource<EventsEvent>({
  group: "events.k8s.io",
  version: "v1",
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
});
