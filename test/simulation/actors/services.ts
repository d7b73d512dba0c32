import { HorizontalPodAutoscalers, PodDisruptionBudgets, Pods, Services } from "roder";
import { type Actor, namespace, replicasMax } from "../scene.ts";

/** A Service, and what protects its pods. */
export const createService: Actor = {
  weight: 2,
  async act(scene) {
    const name = scene.happens(0.5) ? scene.pick("deployments") : scene.pick("statefulsets");
    if (name === undefined) return;
    await scene.create(Services, { name }, { selector: { app: name }, ports: [{ port: 80 }] });
    const part = `${scene.between(1, 9) * 10}%`;
    const budget = scene.oneOf([
      ...[{ maxUnavailable: scene.between(0, 2) }, { maxUnavailable: part }],
      ...[{ minAvailable: scene.between(1, 3) }, { minAvailable: part }],
    ]);
    await scene.create(
      PodDisruptionBudgets,
      { name },
      {
        ...budget,
        selector: { matchLabels: { app: name } },
        unhealthyPodEvictionPolicy: scene.oneOf(["IfHealthyBudget", "AlwaysAllow"]),
      },
    );
  },
};

export const createAutoscaler: Actor = {
  weight: 2,
  async act(scene) {
    const name = scene.pick("deployments");
    if (name === undefined) return;
    const minReplicas = scene.between(1, 4);
    const rules = () => ({
      stabilizationWindowSeconds: scene.oneOf([0, 60, 300]),
      policies: [
        { type: "Pods", value: scene.between(1, 3), periodSeconds: scene.oneOf([15, 60]) },
        { type: "Pods", value: scene.between(1, 3), periodSeconds: 120 },
      ],
      selectPolicy: scene.oneOf(["Max", "Min"]),
    });
    await scene.create(
      HorizontalPodAutoscalers,
      { name },
      {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
        minReplicas,
        maxReplicas: scene.between(minReplicas, replicasMax),
        ...(scene.happens(0.5) ? { behavior: { scaleUp: rules(), scaleDown: rules() } } : {}),
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 100 } } },
        ],
      },
    );
  },
};

/** All of one application, as far as its budget allows. */
export const evictPods: Actor = {
  weight: 2,
  async act(scene) {
    const name = scene.pick("poddisruptionbudgets") ?? scene.pick("deployments");
    if (name === undefined) return;
    scene.note(`evict the pods of ${name}`);
    const { items } = await scene.client.list(Pods, { namespace, labelSelector: `app=${name}` });
    for (const { metadata } of items) {
      const eviction = { metadata: { name: metadata.name } };
      await scene.unlessRefused(() => scene.client.createSubresource(Pods, metadata, "eviction", eviction));
    }
  },
};
