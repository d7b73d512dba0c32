import assert from "node:assert/strict";
import { test } from "node:test";
import { Namespaces, ResourceClaims, ResourceClaimTemplates } from "../../api/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { deviceAdminAccess } from "./device-admin-access.ts";
import { admitted } from "./request-for-tests.ts";

const plugin = deviceAdminAccess(
  new ObjectLookup()
    .put(Namespaces, { metadata: { name: "shop" } })
    .put(Namespaces, { metadata: { name: "ops", labels: { "resource.kubernetes.io/admin-access": "true" } } }),
);
const needs =
  "admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace";
const requests = (adminAccess: boolean) => [
  { name: "plain", exactly: { deviceClassName: "gpu" } },
  { name: "watch", exactly: { deviceClassName: "gpu", adminAccess } },
];
const claim = (namespace: string, adminAccess = true) => ({
  metadata: { namespace, name: "watch" },
  spec: { devices: { requests: requests(adminAccess) } },
});
const granted = (namespace: string) => ({
  ...claim(namespace),
  status: {
    allocation: {
      devices: { results: [{ request: "watch", driver: "d", pool: "p", device: "x", adminAccess: true }] },
    },
  },
});

test("claims ask for admin access in namespaces that are marked for it", async () => {
  await assert.rejects(admitted(plugin, ResourceClaims, { object: claim("shop") }), {
    code: 422,
    message: `ResourceClaim.resource.k8s.io "watch" is invalid: spec.devices.requests[1].adminAccess: Forbidden: ${needs}`,
  });
  await admitted(plugin, ResourceClaims, { object: claim("ops") });
  await admitted(plugin, ResourceClaims, { object: claim("shop", false) });
  const { metadata, spec } = claim("shop");
  await assert.rejects(admitted(plugin, ResourceClaimTemplates, { object: { metadata, spec: { spec } } }), {
    code: 422,
    message: `ResourceClaimTemplate.resource.k8s.io "watch" is invalid: spec.devices.requests[1].adminAccess: Forbidden: ${needs}`,
  });
});

test("a claim that was made before the mark was taken away is changed, and gets no admin access any more", async () => {
  await admitted(plugin, ResourceClaims, { old: claim("shop"), object: claim("shop") });
  const subresource = "status";
  await assert.rejects(admitted(plugin, ResourceClaims, { subresource, old: claim("shop"), object: granted("shop") }), {
    message: `ResourceClaim.resource.k8s.io "watch" is invalid: status.allocation.devices.results[0].adminAccess: Forbidden: ${needs}`,
  });
  await admitted(plugin, ResourceClaims, { subresource, old: claim("ops"), object: granted("ops") });
  await admitted(plugin, ResourceClaims, { subresource, old: granted("shop"), object: granted("shop") });
});
