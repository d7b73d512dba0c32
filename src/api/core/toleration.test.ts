import assert from "node:assert/strict";
import { test } from "node:test";
import type { Taint, Toleration } from "../types.generated.ts";
import { toleratesTaint, untoleratedTaint } from "./toleration.ts";

const taint: Taint = { key: "dedicated", value: "db", effect: "NoSchedule" };

test("a toleration matches a taint by key, value and effect", () => {
  const table: [Toleration, boolean][] = [
    [{ key: "dedicated", value: "db" }, true],
    [{ key: "dedicated", operator: "Equal", value: "web" }, false],
    [{ key: "dedicated", operator: "Exists" }, true],
    [{ key: "dedicated", operator: "Exists", effect: "NoExecute" }, false],
    [{ operator: "Exists" }, true],
    [{ key: "other", operator: "Exists" }, false],
    [{ key: "dedicated", operator: "Near", value: "db" }, false],
  ];
  for (const [toleration, expected] of table)
    assert.equal(toleratesTaint(toleration, taint), expected, JSON.stringify(toleration));
});

test("only taints of the asked effects count", () => {
  assert.equal(untoleratedTaint([taint], [], ["NoExecute"]), undefined);
  assert.equal(untoleratedTaint([taint], undefined, ["NoSchedule"]), taint);
  assert.equal(untoleratedTaint([taint], [{ operator: "Exists" }], ["NoSchedule"]), undefined);
});
