import { type Deployment, Deployments, defineController, type NewObject, newControllerReference } from "roder";
import { type Preview, Previews } from "./preview.ts";

const minuteMs = 60_000;

/** Makes a Deployment for every Preview, tells when it is ready, and removes the Preview when its time is over. */
export const previewOperator = defineController({
  name: "preview-operator",
  watches: { for: Previews, owns: [Deployments] },
  async reconcile({ client, cache, clock, events }, key) {
    const preview = cache.get(Previews, key);
    if (!preview || preview.metadata.deletionTimestamp !== undefined) return;
    const { name, creationTimestamp } = preview.metadata;
    const which = { namespace: preview.metadata.namespace!, name };
    const leftMs = Date.parse(creationTimestamp) + preview.spec.lifetimeMinutes * minuteMs - clock.now();
    if (leftMs <= 0) {
      // Its Deployment goes with it: the garbage collector sees to that.
      await client.delete(Previews, which);
      return;
    }
    const [deployment] = cache.ownedBy(Deployments, preview);
    if (!deployment) {
      await client.create(Deployments, deploymentOf(preview));
      events.normal(preview, "Created", `Created deployment ${name}`);
    }
    const phase = (deployment?.status.readyReplicas ?? 0) >= preview.spec.replicas ? "Ready" : "Starting";
    if (preview.status?.phase !== phase)
      await client.patch(
        Previews,
        which,
        { status: { phase } },
        { type: "application/merge-patch+json", subresource: "status" },
      );
    return { afterMs: leftMs };
  },
});

function deploymentOf(preview: Preview): NewObject<Deployment> {
  const { namespace, name } = preview.metadata;
  const { image, replicas } = preview.spec;
  const labels = { preview: name };
  return {
    metadata: { namespace: namespace!, name, ownerReferences: [newControllerReference(preview, Previews)] },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "main", image }] } },
    },
  };
}
