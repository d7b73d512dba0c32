import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../../test/control-plane.ts";
import { ClusterRoleBindings, ClusterRoles, Nodes, ServiceAccounts } from "../../api/index.ts";
import { TokenAccess } from "./token-access.ts";

test("who shows a token may read of the node what the cluster says", async (t) => {
  const { client, clock, create, rest, as } = await startTestControlPlane(t, { controllers: [] });
  await create(Nodes, { metadata: { name: "n1" } });
  const tokenOf = async (name: string) => {
    await create(ServiceAccounts, { metadata: { namespace: "default", name } });
    const answer = await client.createSubresource<object, { status: { token: string } }>(
      ServiceAccounts,
      { namespace: "default", name },
      "token",
      { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec: {} },
    );
    return answer.status.token;
  };
  const scraper = await tokenOf("scraper");
  const other = await tokenOf("other");
  const allow = async (name: string, resource: string) => {
    await create(ClusterRoles, {
      metadata: { name },
      rules: [{ apiGroups: [""], resources: [resource], verbs: ["get"] }],
    });
    await create(ClusterRoleBindings, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", namespace: "default", name }],
    });
  };
  await allow("scraper", "nodes/metrics");
  const node = as({ name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] });
  const access = new TokenAccess(node, clock, "n1");
  await access.check(scraper, "metrics");
  const who = (name: string) => `user=system:serviceaccount:default:${name}, verb=get, resource=nodes`;
  await assert.rejects(access.check(scraper, "stats"), {
    code: 403,
    message: `Forbidden (${who("scraper")}, subresource(s)=[stats])`,
  });
  await assert.rejects(access.check(other, "metrics"), { code: 403 });
  await assert.rejects(access.check(other, "healthz"), {
    code: 403,
    message: `Forbidden (${who("other")}, subresource(s)=[healthz proxy])`,
  });
  await allow("other", "nodes/proxy");
  await rest(31_000);
  await access.check(other, "healthz");
  await access.check(other, "pods");
  await assert.rejects(access.check(other, "metrics"), { code: 403 });
  await assert.rejects(access.check("no-token", "metrics"), { code: 401, message: "Unauthorized" });
  // An answer is believed for a while.
  await client.delete(ClusterRoleBindings, { name: "scraper" });
  await access.check(scraper, "metrics");
  await rest(121_000);
  await assert.rejects(access.check(scraper, "metrics"), { code: 403 });
});
