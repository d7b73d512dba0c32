import { Cluster, type ClusterOptions, ClusterRoleBindings, ClusterRoles, CustomResourceDefinitions } from "roder";
import { account, binding, role } from "./account.ts";
import { previewOperator } from "./operator.ts";
import { definition } from "./preview.ts";

/** A cluster that knows previews, in which the operator runs as it will run for real: with its own account. */
export async function startScene(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await Cluster.start({ clock: "virtual", ...options });
  await cluster.client.create(ClusterRoles, role);
  await cluster.client.create(ClusterRoleBindings, binding);
  await cluster.client.create(CustomResourceDefinitions, definition);
  await cluster.until(CustomResourceDefinitions, { name: definition.metadata.name! }, ({ status }) =>
    (status.conditions ?? []).some(({ type, status }) => type === "Established" && status === "True"),
  );
  cluster.run([previewOperator], { as: account });
  return cluster;
}
