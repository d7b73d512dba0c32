import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../api/index.ts";
import type { ApiServer } from "../api-server.ts";
import type { Attributes } from "../authorization/index.ts";
import { impersonate } from "./impersonation.ts";
import type { HttpRequest } from "./message.ts";

const admin = { name: "admin", groups: ["system:masters"] };

/** Who the request acts as; every right that was asked for is added to `asked`. */
async function impersonated(headers: readonly (readonly [string, string])[], asked: string[] = []) {
  // All that impersonation reads of a request.
  const request = { rawHeaders: headers.flat() } as unknown as HttpRequest;
  const authorize = async ({ verb, resource }: Attributes) => {
    const { group = "", plural = "", subresource = "", namespace = "", name = "" } = resource ?? {};
    asked.push([verb, group, plural, subresource, namespace, name].join(" "));
  };
  // All that it needs of a server: here everybody may do everything.
  return impersonate({ authorize } as unknown as ApiServer, request, admin);
}

const cases: readonly [string, readonly (readonly [string, string])[], object][] = [
  ["a user is authenticated", [["impersonate-user", "jane"]], { name: "jane", groups: ["system:authenticated"] }],
  [
    "a service account is in its groups",
    [["impersonate-user", "system:serviceaccount:a:b"]],
    {
      name: "system:serviceaccount:a:b",
      groups: ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"],
    },
  ],
  [
    "groups that are given replace those of a service account",
    [
      ["impersonate-user", "system:serviceaccount:a:b"],
      ["impersonate-group", "dev"],
    ],
    { name: "system:serviceaccount:a:b", groups: ["dev", "system:authenticated"] },
  ],
  [
    "who is said to be unauthenticated is not authenticated",
    [
      ["impersonate-user", "jane"],
      ["impersonate-group", "system:unauthenticated"],
    ],
    { name: "jane", groups: ["system:unauthenticated"] },
  ],
  [
    "the anonymous user is not authenticated, in whatever groups",
    [
      ["impersonate-user", "system:anonymous"],
      ["impersonate-group", "devs"],
    ],
    { name: "system:anonymous", groups: ["devs", "system:unauthenticated"] },
  ],
  [
    "a group with a comma in its name is one group",
    [
      ["impersonate-user", "jane"],
      ["impersonate-group", "cn=dev, o=green"],
      ["impersonate-group", "ops"],
    ],
    { name: "jane", groups: ["cn=dev, o=green", "ops", "system:authenticated"] },
  ],
  [
    "the keys of extra are decoded, and taken as they are when they do not decode",
    [
      ["impersonate-user", "jane"],
      ["impersonate-extra-a%2fb", "1"],
      ["impersonate-extra-%zz", "2"],
    ],
    { name: "jane", groups: ["system:authenticated"], extra: { "a/b": ["1"], "%zz": ["2"] } },
  ],
  [
    "names are UTF-8, of which Node makes a character for each byte",
    [
      ["impersonate-user", "jÃ¶rg"],
      ["impersonate-group", "grÃ¶Ã\x9fe"],
    ],
    { name: "jörg", groups: ["größe", "system:authenticated"] },
  ],
];

for (const [name, headers, user] of cases)
  test(name, async () => {
    assert.deepEqual(await impersonated(headers), user);
  });

test("each thing that is impersonated takes a right of its own", async () => {
  const asked: string[] = [];
  await impersonated(
    [
      ["impersonate-user", "jane"],
      ["impersonate-group", "dev"],
      ["impersonate-group", "ops"],
      ["impersonate-uid", "u1"],
      ["impersonate-extra-team", "green"],
    ],
    asked,
  );
  assert.deepEqual(asked, [
    "impersonate  users   jane",
    "impersonate  groups   dev",
    "impersonate  groups   ops",
    "impersonate authentication.k8s.io userextras team  green",
    "impersonate authentication.k8s.io uids   u1",
  ]);
  asked.length = 0;
  await impersonated([["impersonate-user", "system:serviceaccount:a:b"]], asked);
  // What is no name of an account is a user's.
  await impersonated([["impersonate-user", "system:serviceaccount:a:B"]], asked);
  assert.deepEqual(asked, ["impersonate  serviceaccounts  a b", "impersonate  users   system:serviceaccount:a:B"]);
});

test("groups, a uid or extra without a user are refused", async () => {
  const refused = (headers: readonly (readonly [string, string])[], references: string) =>
    assert.rejects(
      impersonated(headers),
      (error) =>
        error instanceof ApiError &&
        error.code === 400 &&
        error.message === `requested [${references}] without impersonating a user`,
    );
  await refused([["impersonate-group", "dev"]], "{Group  dev    }");
  await refused([["impersonate-uid", "u1"]], "{UID  u1  authentication.k8s.io/v1  }");
  await refused([["impersonate-extra-team", "green"]], "{UserExtra  green  authentication.k8s.io/v1  team}");
  assert.equal(await impersonated([["impersonate-user", ""]]), admin);
  assert.equal(await impersonated([]), admin);
});
