import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldErrorBody } from "./meta/api-error.ts";
import { rootPath } from "./meta/field-error.ts";
import { validateWebhookClient, type WebhookClient } from "./webhook-client.ts";

const desired = "; desired format: https://host[/path]";

test("a webhook is reached at a URL or through a service", () => {
  const service = { name: "hook", namespace: "default", port: 443 };
  const table: [WebhookClient, string[]][] = [
    [{ url: "https://example.com:8443/validate" }, []],
    [{ service: { ...service, path: "/validate/pods" } }, []],
    [{}, ["clientConfig: Required value: exactly one of url or service is required"]],
    [{ url: "https://a", service }, ["clientConfig: Required value: exactly one of url or service is required"]],
    [
      { url: "http://jane:secret@example.com/?a=b#c" },
      [
        `clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme${desired}`,
        'clientConfig.url: Invalid value: "jane:secret": user information is not permitted in the URL',
        'clientConfig.url: Invalid value: "c": fragments are not permitted in the URL',
        'clientConfig.url: Invalid value: "a=b": query parameters are not permitted in the URL',
      ],
    ],
    [{ url: "https:///path" }, [`clientConfig.url: Invalid value: "": host must be provided${desired}`]],
    [
      { url: "://x" },
      [`clientConfig.url: Required value: url must be a valid URL: parse "://x": missing protocol scheme${desired}`],
    ],
    [
      { service: { path: "a//b" } },
      [
        "clientConfig.service.name: Required value: service name is required",
        "clientConfig.service.namespace: Required value: service namespace is required",
        "clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
        `clientConfig.service.path: Invalid value: "a//b": must start with a '/'`,
        'clientConfig.service.path: Invalid value: "a//b": segment[0] may not be empty',
        'clientConfig.service.path: Invalid value: "a//b": segment[1] may not be empty',
      ],
    ],
    [
      { service: { ...service, path: "//" } },
      ['clientConfig.service.path: Invalid value: "//": segment[0] may not be empty'],
    ],
  ];
  for (const [client, errors] of table)
    assert.deepEqual(
      validateWebhookClient(rootPath.child("clientConfig"), client).map(
        (error) => `${error.field}: ${fieldErrorBody(error)}`,
      ),
      errors,
    );
});
