import { nameColumn } from "../columns.ts";
import { defineResource } from "../resource.ts";
import type { ComponentStatus } from "../types.generated.ts";

export const ComponentStatuses = defineResource<ComponentStatus>({
  group: "",
  version: "v1",
  kind: "ComponentStatus",
  plural: "componentstatuses",
  shortNames: ["cs"],
  columns: [
    nameColumn,
    { name: "Status", type: "string", of: statusCell },
    { name: "Message", type: "string", of: (component) => healthOf(component)?.message ?? "" },
    { name: "Error", type: "string", of: (component) => healthOf(component)?.error ?? "" },
  ],
});

function healthOf({ conditions }: ComponentStatus) {
  return conditions?.find(({ type }) => type === "Healthy");
}

function statusCell(component: ComponentStatus): string {
  const health = healthOf(component);
  if (!health) return "Unknown";
  return health.status === "True" ? "Healthy" : "Unhealthy";
}
