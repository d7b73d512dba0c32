import type { Draft } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { rootPath } from "../meta/field-error.ts";
import { cidrWarnings } from "../meta/ip.ts";
import { defineResource } from "../resource.ts";
import type { Node } from "../types.generated.ts";
import { validateNode, validateNodeUpdate } from "./node-validation.ts";
import { roundUpAmounts } from "./resource-list.ts";

const roleLabelPrefix = "node-role.kubernetes.io/";

/** By which selectors, and whoever would connect to them, can tell simulated nodes. */
export const hollowLabel = "roder.io/hollow";

/** Whether nothing runs on a node: its addresses are made up and may be somebody's. */
export function isHollow({ metadata }: Node): boolean {
  return metadata.labels?.[hollowLabel] === "true";
}

export const Nodes = defineResource<Node>({
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  shortNames: ["no"],
  columns: [
    nameColumn,
    { name: "Status", type: "string", description: "The status of the node", of: statusCell },
    { name: "Roles", type: "string", description: "The roles of the node", of: rolesCell },
    ageColumn,
    { name: "Version", type: "string", of: ({ status }) => status.nodeInfo?.kubeletVersion ?? "" },
    { name: "Internal-IP", type: "string", priority: 1, of: (node) => nodeAddress(node, "InternalIP") ?? "<none>" },
    { name: "External-IP", type: "string", priority: 1, of: (node) => nodeAddress(node, "ExternalIP") ?? "<none>" },
    { name: "OS-Image", type: "string", priority: 1, of: ({ status }) => status.nodeInfo?.osImage || "<unknown>" },
    {
      name: "Kernel-Version",
      type: "string",
      priority: 1,
      of: ({ status }) => status.nodeInfo?.kernelVersion || "<unknown>",
    },
    {
      name: "Container-Runtime",
      type: "string",
      priority: 1,
      of: ({ status }) => status.nodeInfo?.containerRuntimeVersion || "<unknown>",
    },
  ],
  selectableFields: { "spec.unschedulable": ({ spec }) => String(spec.unschedulable ?? false) },
  hasGeneration: false,
  defaults: defaultNode,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validateStatusUpdate: validateNodeUpdate,
  warnings: nodeWarnings,
});

function nodeWarnings({ spec }: Node): string[] {
  const at = rootPath.child("spec");
  return [
    ...(spec.configSource ? [`${at.child("configSource")}: the feature is removed`] : []),
    ...(spec.externalID ? [`${at.child("externalID")}: this field is deprecated, and is unused by Kubernetes`] : []),
    ...(spec.podCIDRs ?? []).flatMap((cidr, index) => cidrWarnings(at.child("podCIDRs").index(index), cidr)),
  ];
}

function defaultNode({ spec, status }: Draft<Node>): void {
  roundUpAmounts(status.capacity);
  roundUpAmounts(status.allocatable);
  if (status.capacity) status.allocatable ??= { ...status.capacity };
  // podCIDR is the first of podCIDRs; where the two differ, the older field decides.
  if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
}

/** The node's first address of a type: InternalIP, ExternalIP, Hostname. */
export function nodeAddress(node: Node, type: string): string | undefined {
  return node.status.addresses?.find((each) => each.type === type)?.address;
}

/** Whether the node says that it is ready for pods. */
export function isNodeReady(node: Node): boolean {
  return node.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

function statusCell(node: Node): string {
  const ready = node.status.conditions?.find(({ type }) => type === "Ready");
  const status = !ready ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return node.spec.unschedulable ? `${status},SchedulingDisabled` : status;
}

function rolesCell(node: Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(roleLabelPrefix)) {
      if (key.length > roleLabelPrefix.length) roles.add(key.slice(roleLabelPrefix.length));
    } else if (key === "kubernetes.io/role" && value !== "") roles.add(value);
  }
  return [...roles].sort().join(",") || "<none>";
}
