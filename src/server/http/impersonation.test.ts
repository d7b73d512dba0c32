import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiServer } from "../api-server.ts";
import { impersonate } from "./impersonation.ts";
import type { HttpRequest } from "./message.ts";

const admin = { name: "admin", groups: ["system:masters"] };
// All that impersonation needs of a server: here everybody may do everything.
const api = { authorize: async () => {} } as unknown as ApiServer;

function impersonated(headers: Readonly<Record<string, string>>) {
  // All that impersonation reads of a request.
  const request = { header: (name: string) => headers[name], headers: () => headers } as unknown as HttpRequest;
  return impersonate(api, request, admin);
}

const cases: readonly [string, Readonly<Record<string, string>>, object][] = [
  ["a user is authenticated", { "impersonate-user": "jane" }, { name: "jane", groups: ["system:authenticated"] }],
  [
    "a service account is in its groups",
    { "impersonate-user": "system:serviceaccount:a:b" },
    {
      name: "system:serviceaccount:a:b",
      groups: ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"],
    },
  ],
  [
    "the anonymous user is not authenticated, in whatever groups",
    { "impersonate-user": "system:anonymous", "impersonate-group": "devs" },
    { name: "system:anonymous", groups: ["devs", "system:unauthenticated"] },
  ],
  [
    "the keys of extra are decoded, and taken as they are when they do not decode",
    { "impersonate-user": "jane", "impersonate-extra-a%2fb": "1", "impersonate-extra-%zz": "2" },
    { name: "jane", groups: ["system:authenticated"], extra: { "a/b": ["1"], "%zz": ["2"] } },
  ],
];

for (const [name, headers, user] of cases)
  test(name, async () => {
    assert.deepEqual(await impersonated(headers), user);
  });
