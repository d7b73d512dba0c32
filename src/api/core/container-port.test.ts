import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "../types.generated.ts";
import { findContainerPort } from "./container-port.ts";

test("a probe's port is a number, a name or a number in text", () => {
  const container = { name: "a", ports: [{ name: "dns", containerPort: 53 }] } as Container;
  assert.equal(findContainerPort(container, 1), 1);
  assert.equal(findContainerPort(container, "dns"), 53);
  assert.equal(findContainerPort(container, "99"), 99);
  assert.equal(findContainerPort(container, "http"), undefined);
});
