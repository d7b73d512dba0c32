// The columns of `kubectl get` for custom resources: k8s.io/apiextensions-apiserver, registry/customresource/tableconvertor.
import { formatJson } from "../../lib/index.ts";
import { nameColumn, timeSince } from "../columns.ts";
import { canonicalTime } from "../meta/time.ts";
import type { Column, KubeObject } from "../resource.ts";
import type { CustomResourceColumnDefinition } from "../types.generated.ts";
import { type JsonPath, parseJsonPath } from "./json-path.ts";

const ageOnly: readonly CustomResourceColumnDefinition[] = [
  { name: "Age", type: "date", description: "When the object was created.", jsonPath: ".metadata.creationTimestamp" },
];

type Cell = ReturnType<Column<KubeObject>["of"]>;

export function customColumns(
  columns: readonly CustomResourceColumnDefinition[] | undefined,
): readonly Column<KubeObject>[] {
  const named = (columns ?? []).length > 0 ? columns! : ageOnly; // not empty, so there
  try {
    return [nameColumn, ...named.map(customColumn)];
  } catch {
    // Kubernetes shows the name alone when one of the paths cannot be read, and serves the kind all the same.
    return [nameColumn];
  }
}

function customColumn(column: CustomResourceColumnDefinition): Column<KubeObject> {
  const { name, format, priority, jsonPath } = column;
  const path = parseJsonPath(jsonPath);
  const type = column.type as Column<KubeObject>["type"]; // one of them: the CRD's validation lets nothing else pass
  return {
    name,
    type,
    ...(format === undefined ? {} : { format }),
    ...(priority === undefined ? {} : { priority }),
    description: column.description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    of: (object, nowMs) => cellOf(type, firstOf(path, object), nowMs),
  };
}

function firstOf(path: JsonPath, object: KubeObject): unknown {
  return path(object)[0];
}

function cellOf(type: Column<KubeObject>["type"], value: unknown, nowMs: number): Cell {
  if (value === undefined || value === null) return null;
  switch (type) {
    case "string":
      return typeof value === "string" ? value : formatJson(value);
    case "integer":
      if (typeof value === "bigint") return value;
      return typeof value === "number" ? Math.trunc(value) : null;
    case "number":
      return typeof value === "number" || typeof value === "bigint" ? Number(value) : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      return typeof value === "string" ? dateCell(value, nowMs) : null;
  }
}

function dateCell(text: string, nowMs: number): string {
  if (text === "" || text === "null") return "<unknown>";
  try {
    return timeSince(canonicalTime(text), nowMs);
  } catch {
    // It throws for nothing but a text that is no time, which the cell says.
    return "<invalid>";
  }
}
