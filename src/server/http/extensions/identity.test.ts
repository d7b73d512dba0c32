import assert from "node:assert/strict";
import { test } from "node:test";
import type { User } from "../../../api/index.ts";
import { forwardedUser } from "../front-proxy.ts";
import { withIdentity } from "./identity.ts";

/** The headers as they arrive: each value apart. */
function raw(headers: ReturnType<typeof withIdentity>): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [String(value)]).flatMap((each) => [name, each]),
  );
}

const users: readonly User[] = [
  { name: "ada", groups: [] },
  { name: "system:serviceaccount:default:web", uid: "42", groups: ["a", "b, c", "d"] },
  { name: "Jürgen 名前", groups: ["größe"], extra: { "example.com/scope": ["a", "b"], "100%": ["ü"], x: [""] } },
  { name: "ada", groups: [], extra: { constructor: ["a"], tostring: ["b"] } },
];

test("a user arrives behind the front proxy as it was", () => {
  for (const user of users) assert.deepEqual(forwardedUser({ rawHeaders: raw(withIdentity({}, user)) }), user);
});

test("what the client says under the same names is dropped, all else is passed on", () => {
  const passed = { "x-remote-user": "root", "x-remote-extra-a": "b", "x-remote-group": ["c"], accept: "text/plain" };
  const headers = withIdentity(passed, { name: "ada", groups: ["readers"] });
  assert.deepEqual(raw(headers), ["accept", "text/plain", "X-Remote-User", "ada", "X-Remote-Group", "readers"]);
});

test("a proxy that names nobody asks for nobody", () => {
  assert.equal(forwardedUser({ rawHeaders: ["X-Remote-Group", "system:masters"] }), undefined);
  assert.equal(forwardedUser({ rawHeaders: ["X-Remote-User", ""] }), undefined);
});
