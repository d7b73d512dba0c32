import assert from "node:assert/strict";
import { test } from "node:test";
import type { User, Verb } from "../../api/index.ts";
import { requestAttributes } from "./request-attributes.ts";

const user: User = { name: "jane", groups: [] };
const pods = { group: "", version: "v1", plural: "pods", namespace: "green" };

test("a list by the name of one object is about that object", () => {
  const name = (verb: Verb, fieldSelector: string) =>
    requestAttributes({ verb, ...pods, options: { fieldSelector } }, user).resource?.name;
  assert.equal(name("list", "metadata.name=web"), "web");
  assert.equal(name("watch", "status.phase!=Failed,metadata.name==web"), "web");
  assert.equal(name("list", "metadata.name!=web"), "");
  assert.equal(name("deletecollection", "metadata.name=web"), "");
  assert.equal(name("list", "spec.nodeName=n1"), "");
  assert.equal(name("create", "metadata.name=web"), "");
});

test("the field selector of a collection goes along", () => {
  const { resource } = requestAttributes(
    { verb: "watch", ...pods, options: { fieldSelector: "spec.nodeName=n1" } },
    user,
  );
  assert.deepEqual(resource, { ...pods, subresource: "", name: "", fieldSelector: "spec.nodeName=n1" });
  assert.equal(requestAttributes({ verb: "get", ...pods, name: "web" }, user).resource?.fieldSelector, undefined);
});
