// What `kubectl get` shows: objects and lists as meta.k8s.io Tables, computed by the server.

import {
  ageColumn,
  type Column,
  type KubeObject,
  type ListMeta,
  nameColumn,
  type ResourceDefinition,
  type RowCondition,
  type Scale,
} from "../../api/index.ts";
import type { Int64 } from "../../lib/index.ts";

/** How much of each object goes along with its row. */
export type IncludeObject = "None" | "Metadata" | "Object";

export interface Table {
  readonly kind: "Table";
  readonly apiVersion: string;
  readonly metadata: Partial<ListMeta>;
  readonly columnDefinitions: readonly ColumnDefinition[] | null;
  readonly rows: readonly Row[];
}

interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

interface Row {
  readonly cells: readonly (string | Int64 | boolean | null)[];
  readonly conditions?: readonly RowCondition[];
  readonly object?: unknown;
}

export interface TableOptions {
  /** v1 or v1beta1 of meta.k8s.io. */
  readonly version: string;
  readonly include: IncludeObject;
  readonly nowMs: number;
  /** Whether the columns are described; the later events of a watch leave that out. */
  readonly headers: boolean;
}

/** For kinds that say nothing of their columns. */
const defaultColumns: readonly Column<KubeObject>[] = [nameColumn, ageColumn];

/** The scale subresource answers with a kind of its own, whatever it scales. */
const scaleColumns: readonly Column<KubeObject>[] = [
  nameColumn,
  { name: "Desired", type: "integer", description: "Wanted pods.", of: (object) => scaleOf(object).spec.replicas ?? 0 },
  { name: "Available", type: "integer", description: "Pods seen.", of: (object) => scaleOf(object).status.replicas },
  ageColumn,
];
const scaleOf = (object: KubeObject) => object as unknown as Scale; // by its kind

function columnsOf(definition: ResourceDefinition, objects: readonly KubeObject[]): readonly Column<KubeObject>[] {
  const [first] = objects;
  if (first?.kind === "Scale" && definition.kind !== "Scale") return scaleColumns;
  return definition.columns.length > 0 ? definition.columns : defaultColumns;
}

export function tableOf(
  definition: ResourceDefinition,
  objects: readonly KubeObject[],
  metadata: Partial<ListMeta>,
  options: TableOptions,
): Table {
  const columns = columnsOf(definition, objects);
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: options.headers ? columns.map(describe) : null,
    rows: objects.map((object) => row(definition, columns, object, options)),
  };
}

function describe({ name, type, format = "", description = "", priority = 0 }: Column<KubeObject>): ColumnDefinition {
  return { name, type, format, description, priority };
}

function row(
  { rowConditions }: ResourceDefinition,
  columns: readonly Column<KubeObject>[],
  object: KubeObject,
  options: TableOptions,
): Row {
  const cells = columns.map((column) => column.of(object, options.nowMs) ?? null);
  const conditions = rowConditions?.(object) ?? [];
  const told = conditions.length > 0 ? { cells, conditions } : { cells };
  if (options.include === "None") return told;
  return { ...told, object: options.include === "Object" ? object : partialMetadata(object, options.version) };
}

/** The object with its metadata alone. */
export function partialMetadata({ metadata }: KubeObject, version: string): KubeObject {
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata };
}
