import { defineResource } from "../resource.ts";
import type { Event } from "../types.generated.ts";

export const Events = defineResource<Event>({
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
});
