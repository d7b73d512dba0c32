import assert from "node:assert/strict";
import { test } from "node:test";
import type { APIService } from "../api/index.ts";
import { ExtensionKinds } from "./resource-catalog.ts";

test("what another server calls resources and are none lead this cluster's components nowhere", () => {
  const kinds = new ExtensionKinds();
  const spec = { group: "shop.example.com", version: "v1" };
  const service = { metadata: { name: "v1.shop.example.com" }, spec } as APIService; // all that is read of it
  const names = ["widgets", "..", "../../v1/secrets", "widgets?watch=1", "Widgets", "%2e%2e", ""];
  const resources = names.map((name) => ({
    name,
    singularName: "",
    kind: "Widget",
    namespaced: true,
    verbs: ["list"],
  }));
  kinds.set(service, resources);
  assert.deepEqual(
    kinds.all().map(({ plural }) => plural),
    ["widgets"],
  );
});
