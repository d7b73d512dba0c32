import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { valuesOf } from "../../test/metric-values.ts";
import {
  APIServices,
  ApiError,
  CustomResourceDefinitions,
  type Deployment,
  Deployments,
  defineCustomResource,
  type HorizontalPodAutoscaler,
  HorizontalPodAutoscalers,
  type KubeObject,
  type NewObject,
  Pods,
  type ResourceRequest,
  type ResourceResponse,
  serviceUnavailable,
} from "../api/index.ts";
import { MetricRegistry, timestamp } from "../lib/index.ts";

const autoscalerKey = { namespace: "default", name: "web" };
const matchLabels = { app: "web" };

type Answer = (request: ResourceRequest) => readonly object[] | undefined;

/** A Deployment `web` whose pods run; `metrics` answers for the metrics APIs. */
async function start(t: TestContext, replicas: number, controllers: readonly string[] = []) {
  const registry = new MetricRegistry();
  const scene = await startTestControlPlane(t, {
    metrics: registry,
    controllers: [
      "horizontal-pod-autoscaler",
      "deployment-controller",
      "replicaset-controller",
      "serviceaccount-controller",
      ...controllers,
    ],
  });
  const { client, create, rest, startPods, between } = scene;
  const asked: ResourceRequest[] = [];
  let answer: Answer = () => undefined;
  between(async (request, send): Promise<ResourceResponse> => {
    if (!request.group.endsWith("metrics.k8s.io")) return await send();
    asked.push(request);
    const items = answer(request);
    if (!items) return await send();
    const list = { kind: "List", metadata: {}, items } as unknown as KubeObject & { items: KubeObject[] };
    return request.verb === "get"
      ? { type: "object", code: 200, object: list, warnings: [] }
      : { type: "list", list, warnings: [] };
  });
  const template = {
    metadata: { labels: matchLabels },
    spec: { containers: [{ name: "c", image: "i", resources: { requests: { cpu: "1", memory: "1Gi" } } }] },
  };
  const deployment: NewObject<Deployment> = {
    metadata: autoscalerKey,
    spec: { replicas, selector: { matchLabels }, template },
  };
  await create(Deployments, deployment);
  await rest();
  await startPods();
  const web = () => client.get(Deployments, autoscalerKey);
  const autoscaler = () => client.get(HorizontalPodAutoscalers, autoscalerKey);
  return {
    ...scene,
    counted: (name: string) => valuesOf(registry, `horizontal_pod_autoscaler_controller_${name}`),
    asked,
    autoscaler,
    web,
    replicas: async () => (await web()).spec.replicas,
    condition: async (type: string) => (await autoscaler()).status.conditions?.find((each) => each.type === type),
    scaleBy: (spec: Partial<HorizontalPodAutoscaler["spec"]>) =>
      create(HorizontalPodAutoscalers, {
        metadata: autoscalerKey,
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
          maxReplicas: 10,
          ...spec,
        },
      }),
    metrics(next: Answer) {
      answer = next;
    },
    /** Every pod uses this much, whoever asks. */
    use(cpu: string) {
      answer = ({ group }) => (group === "metrics.k8s.io" ? podMetrics(cpu) : undefined);
      const podMetrics = (each: string) =>
        scene.informers.list(Pods, "default").map(({ metadata }) => ({
          metadata: { namespace: "default", name: metadata.name },
          timestamp: timestamp(scene.clock.now()),
          window: "15s",
          containers: [{ name: "c", usage: { cpu: each, memory: "100Mi" } }],
        }));
    },
  };
}

/** Lets pods leave the time in which they are not believed. */
const settledMs = 6 * 60_000;

test("a Deployment grows under load and shrinks five minutes after it", async (t) => {
  const { scaleBy, use, rest, replicas, autoscaler, startPods, events, condition } = await start(t, 2);
  await rest(settledMs);
  use("900m");
  await scaleBy({});
  await rest(1_000);
  // 90 % of 80 % wanted for two pods.
  assert.equal(await replicas(), 3);
  assert.deepEqual(
    [(await condition("AbleToScale"))?.reason, (await condition("AbleToScale"))?.message],
    ["SucceededRescale", "the HPA controller was able to update the target scale to 3"],
  );
  assert.equal(
    (await condition("ScalingActive"))?.message,
    "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)",
  );
  const { status } = await autoscaler();
  assert.deepEqual(status.currentMetrics, [
    { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 90, averageValue: "900m" } } },
  ]);
  assert.deepEqual([status.currentReplicas, status.desiredReplicas], [2, 3]);
  assert.ok(status.lastScaleTime);
  await startPods();
  use("100m");
  await rest(4 * 60_000);
  assert.equal(await replicas(), 3);
  assert.equal((await condition("AbleToScale"))?.reason, "ScaleDownStabilized");
  await rest(2 * 60_000);
  assert.equal(await replicas(), 1);
  assert.deepEqual((await events("HorizontalPodAutoscaler")).toSorted(), [
    "Normal SuccessfulRescale New size: 1; reason: All metrics below target",
    "Normal SuccessfulRescale New size: 3; reason: cpu resource utilization (percentage of request) above target",
  ]);
});

test("an autoscaler reads the pods that it scales and no others", async (t) => {
  const { scaleBy, use, rest, informers, autoscaler, create } = await start(t, 2);
  const other = {
    metadata: { namespace: "default", name: "other" },
    spec: { containers: [{ name: "c", image: "i" }] },
  };
  await create(Pods, other);
  await rest(settledMs);
  use("900m");
  const found = t.mock.method(informers.informer(Pods), "byIndex");
  await scaleBy({});
  await rest(1_000);
  assert.equal((await autoscaler()).status.desiredReplicas, 3);
  const web = found.mock.calls.filter(({ arguments: [index] }) => index === "labels");
  assert.ok(web.length > 0 && web.every(({ result }) => (result as readonly unknown[]).length === 2));
});

test("an autoscaler looks every fifteen seconds, and not because of what it wrote itself", async (t) => {
  const { scaleBy, use, rest, reconciles } = await start(t, 1);
  await rest(settledMs);
  let amount = 500;
  await scaleBy({});
  const looks = () => reconciles().filter((each) => each.startsWith("horizontal-pod-autoscaler")).length;
  await rest(1_000);
  const before = looks();
  for (let at = 0; at < 10; at++) {
    // Every sample differs, so that every look writes a status.
    use(`${amount++}m`);
    await rest(15_000);
  }
  assert.ok(looks() - before >= 9 && looks() - before <= 11, `${looks() - before} looks`);
});

test("an HPA without metrics says so in its condition and events, and does not look more often", async (t) => {
  const { scaleBy, rest, condition, events, reconciles, replicas } = await start(t, 2);
  await scaleBy({});
  await rest(60_000);
  const why =
    "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)";
  const { status, reason, message } = (await condition("ScalingActive")) ?? {};
  assert.deepEqual(
    [status, reason, message],
    ["False", "FailedGetResourceMetric", `the HPA was unable to compute the replica count: ${why}`],
  );
  const said = (await events("HorizontalPodAutoscaler")).map((each) => each.replace(/ \(\d+\)$/, "")).sort();
  assert.deepEqual(said, [
    `Warning FailedComputeMetricsReplicas invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: ${why}`,
    `Warning FailedGetResourceMetric ${why}`,
  ]);
  const looks = reconciles().filter((each) => each.startsWith("horizontal-pod-autoscaler")).length;
  assert.ok(looks <= 6, `${looks} looks in a minute`);
  assert.equal(await replicas(), 2);
});

test("a metrics server that is down is said to be so in the words that users search for", async (t) => {
  const { scaleBy, rest, condition, metrics } = await start(t, 1);
  metrics(() => {
    throw serviceUnavailable("service unavailable");
  });
  await scaleBy({});
  await rest(1_000);
  const end = /: the server is currently unable to handle the request \(get pods\.metrics\.k8s\.io\)$/;
  assert.match((await condition("ScalingActive"))?.message ?? "", end);
});

test("replicas come back between minimum and maximum without any metric", async (t) => {
  const { scaleBy, rest, replicas, events, client } = await start(t, 5);
  await scaleBy({ maxReplicas: 3 });
  await rest(1_000);
  assert.equal(await replicas(), 3);
  await client.patch(HorizontalPodAutoscalers, autoscalerKey, { spec: { minReplicas: 4, maxReplicas: 9 } });
  await rest(1_000);
  assert.equal(await replicas(), 4);
  assert.deepEqual(
    (await events("HorizontalPodAutoscaler")).filter((each) => each.includes("SuccessfulRescale")).sort(),
    [
      "Normal SuccessfulRescale New size: 3; reason: Current number of replicas above Spec.MaxReplicas",
      "Normal SuccessfulRescale New size: 4; reason: Current number of replicas below Spec.MinReplicas",
    ],
  );
});

for (const [conflicts, outcome] of [
  [4, "Normal SuccessfulRescale New size: 3; reason: Current number of replicas above Spec.MaxReplicas"],
  [5, "Warning FailedRescale New size: 3; reason: Current number of replicas above Spec.MaxReplicas; error: changed"],
] as const) {
  test(`a rescale whose target was written meanwhile is sent five times at most, here after ${conflicts}`, async (t) => {
    const { scaleBy, rest, events, between } = await start(t, 5);
    let left: number = conflicts;
    between(async ({ verb, subresource }, send) => {
      if (verb === "update" && subresource === "scale" && left-- > 0) throw new ApiError(409, "Conflict", "changed");
      return await send();
    });
    await scaleBy({ maxReplicas: 3 });
    await rest(1_000);
    const rescales = (await events("HorizontalPodAutoscaler")).filter((each) => each.includes("Rescale"));
    assert.deepEqual(rescales, [outcome]);
  });
}

test("a target with no replicas is left alone", async (t) => {
  const { scaleBy, rest, replicas, condition } = await start(t, 0);
  await scaleBy({ minReplicas: 2 });
  await rest(1_000);
  assert.equal(await replicas(), 0);
  const { status, reason, message } = (await condition("ScalingActive")) ?? {};
  assert.deepEqual(
    [status, reason, message],
    ["False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero"],
  );
});

test("a target that is not there or has no scale is said to be so", async (t) => {
  const { scaleBy, rest, condition, client, events } = await start(t, 1);
  await scaleBy({ scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "other" } });
  await rest(1_000);
  assert.deepEqual(
    [(await condition("AbleToScale"))?.reason, (await condition("AbleToScale"))?.message],
    [
      "FailedGetScale",
      `the HPA controller was unable to get the target's current scale: deployments.apps "other" not found`,
    ],
  );
  const of = (kind: string) =>
    client.patch(HorizontalPodAutoscalers, autoscalerKey, {
      spec: { scaleTargetRef: { apiVersion: "v1", kind, name: "web" } },
    });
  await of("Nothing");
  await rest(1_000);
  assert.match((await condition("AbleToScale"))?.message ?? "", /no matches for kind "Nothing" in group ""$/);
  await of("ConfigMap");
  await rest(1_000);
  assert.match((await condition("AbleToScale"))?.message ?? "", /could not find the requested resource/);
  assert.equal((await events("HorizontalPodAutoscaler")).length, 3);
});

test("two autoscalers of the same pods stand still", async (t) => {
  const { scaleBy, use, rest, condition, create, replicas } = await start(t, 2);
  await rest(settledMs);
  await scaleBy({});
  await create(HorizontalPodAutoscalers, {
    metadata: { namespace: "default", name: "web-too" },
    spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" }, maxReplicas: 5 },
  });
  await rest(30_000);
  use("900m");
  await rest(30_000);
  const { status, reason, message } = (await condition("ScalingActive")) ?? {};
  assert.deepEqual(
    [status, reason, message],
    [
      "False",
      "AmbiguousSelector",
      "pods by selector app=web are controlled by multiple HPAs: [default/web default/web-too]",
    ],
  );
  assert.equal(await replicas(), 2);
});

test("a custom resource is scaled by its scale subresource", async (t) => {
  const { scaleBy, use, rest, create, client } = await start(t, 2, [
    "customresourcedefinition",
    "apiservice-registration",
  ]);
  const Farms = defineCustomResource<KubeObject & { spec: { size: number } }>({
    group: "example.com",
    version: "v1",
    kind: "Farm",
    plural: "farms",
    namespaced: true,
  });
  const integer = { type: "integer" };
  await create(CustomResourceDefinitions, {
    metadata: { name: "farms.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind: "Farm", plural: "farms" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: { type: "object", properties: { size: integer } },
                status: { type: "object", properties: { size: integer, selector: { type: "string" } } },
              },
            },
          },
          subresources: {
            scale: {
              specReplicasPath: ".spec.size",
              statusReplicasPath: ".status.size",
              labelSelectorPath: ".status.selector",
            },
          },
        },
      ],
    },
  });
  await rest(settledMs);
  const farm = { metadata: { namespace: "default", name: "f" }, spec: { size: 2 } };
  await create(Farms, { ...farm, status: { size: 2, selector: "app=web" } } as NewObject<
    KubeObject & { spec: { size: number } }
  >);
  use("1500m");
  await scaleBy({ scaleTargetRef: { apiVersion: "example.com/v1", kind: "Farm", name: "f" } });
  await rest(1_000);
  assert.equal((await client.get(Farms, { namespace: "default", name: "f" })).spec.size, 4);
});

test("pods, object and external metrics are asked of their APIs, and the highest counts", async (t) => {
  const { scaleBy, metrics, asked, rest, replicas, autoscaler, create, informers, clock } = await start(t, 2);
  await create(APIServices, {
    metadata: { name: "v1beta1.custom.metrics.k8s.io" },
    spec: {
      group: "custom.metrics.k8s.io",
      version: "v1beta1",
      service: { namespace: "default", name: "adapter" },
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  });
  const at = timestamp(clock.now());
  metrics(({ group, name }) => {
    if (group === "external.metrics.k8s.io") return [{ value: "7" }, { value: "5" }];
    if (name !== "*") return [{ describedObject: { name }, timestamp: at, value: "20" }];
    return informers
      .list(Pods, "default")
      .map(({ metadata }) => ({ describedObject: { name: metadata.name }, timestamp: at, value: "1500m" }));
  });
  const selector = { matchLabels: { queue: "a" } };
  await scaleBy({
    metrics: [
      { type: "Pods", pods: { metric: { name: "rps" }, target: { type: "AverageValue", averageValue: "1" } } },
      {
        type: "Object",
        object: {
          metric: { name: "hits", selector },
          describedObject: { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "main" },
          target: { type: "Value", value: "10" },
        },
      },
      {
        type: "External",
        external: { metric: { name: "depth", selector }, target: { type: "AverageValue", averageValue: "2" } },
      },
    ],
  });
  await rest(1_000);
  const paths = asked.map(({ verb, version, plural, namespace, name, subresource, options = {} }) =>
    [verb, version, namespace, plural, name, subresource, options.labelSelector, options.metricLabelSelector].join(" "),
  );
  assert.deepEqual(paths, [
    "get v1beta1 default pods * rps app=web ",
    "get v1beta1 default ingresses.networking.k8s.io main hits  queue=a",
    "list v1beta1 default depth   queue=a ",
  ]);
  assert.equal(await replicas(), 4);
  const { currentMetrics } = (await autoscaler()).status;
  assert.deepEqual(
    currentMetrics?.map(({ pods, object, external }) => (pods ?? object ?? external)?.current),
    [{ averageValue: "1500m" }, { value: "20" }, { averageValue: "6" }],
  );
});

test("while some metrics say nothing the others may add replicas, but not take any away", async (t) => {
  const { scaleBy, use, rest, replicas, autoscaler, condition, client } = await start(t, 2);
  await rest(settledMs);
  use("900m");
  const external = { metric: { name: "depth" }, target: { type: "Value", value: "1" } };
  const cpu = { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } };
  await scaleBy({
    metrics: [
      { type: "External", external },
      { type: "Resource", resource: cpu },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
  });
  await rest(1_000);
  assert.equal(await replicas(), 4);
  assert.equal((await autoscaler()).status.currentMetrics?.[0]?.type, "");
  use("10m");
  await rest(60_000);
  assert.equal(await replicas(), 4);
  const message = (await condition("ScalingActive"))?.message ?? "";
  assert.match(message, /^the HPA was unable to compute the replica count: failed to get external metric depth: /);
  await client.patch(HorizontalPodAutoscalers, autoscalerKey, {
    spec: { metrics: [{ type: "Resource", resource: cpu }] },
  });
  await rest(30_000);
  assert.equal(await replicas(), 1);
});

test("a container's own use counts where it is asked for", async (t) => {
  const { scaleBy, use, rest, replicas, events } = await start(t, 2);
  await rest(settledMs);
  use("900m");
  const target = { type: "Utilization", averageUtilization: 60 };
  await scaleBy({
    metrics: [{ type: "ContainerResource", containerResource: { name: "cpu", container: "c", target } }],
  });
  await rest(1_000);
  assert.equal(await replicas(), 3);
  assert.deepEqual(await events("HorizontalPodAutoscaler"), [
    "Normal SuccessfulRescale New size: 3; reason: cpu container resource utilization (percentage of request) above target",
  ]);
});

// Since v1.33 as pods whose use is not known at all.
test("pods of which a container's use is not known do not keep the others from counting", async (t) => {
  const { scaleBy, metrics, rest, replicas, informers, clock } = await start(t, 2);
  await rest(settledMs);
  metrics(({ group }) =>
    group === "metrics.k8s.io"
      ? informers.list(Pods, "default").map(({ metadata }, index) => ({
          metadata: { namespace: "default", name: metadata.name },
          timestamp: timestamp(clock.now()),
          window: "15s",
          containers: [{ name: index === 0 ? "c" : "other", usage: { cpu: "2400m" } }],
        }))
      : undefined,
  );
  const target = { type: "Utilization", averageUtilization: 60 };
  await scaleBy({
    metrics: [{ type: "ContainerResource", containerResource: { name: "cpu", container: "c", target } }],
  });
  await rest(1_000);
  // 240 % of one pod and nothing of the other, where 60 % is wanted.
  assert.equal(await replicas(), 4);
});

test("what pods use of memory is told in binary units", async (t) => {
  const { scaleBy, use, rest, autoscaler } = await start(t, 2);
  await rest(settledMs);
  use("10m");
  const memory = { name: "memory", target: { type: "AverageValue", averageValue: "100Mi" } };
  await scaleBy({ metrics: [{ type: "Resource", resource: memory }] });
  await rest(1_000);
  assert.deepEqual((await autoscaler()).status.currentMetrics, [
    { type: "Resource", resource: { name: "memory", current: { averageValue: "100Mi" } } },
  ]);
});

test("an autoscaler that is deleted is forgotten", async (t) => {
  const { scaleBy, use, rest, client, reconciles } = await start(t, 2);
  use("10m");
  await scaleBy({});
  await rest(20_000);
  await client.delete(HorizontalPodAutoscalers, autoscalerKey);
  await rest(1_000);
  const before = reconciles().length;
  await rest(120_000);
  assert.equal(reconciles().length, before);
});

test("horizontal_pod_autoscaler_controller_… counts looks, metrics, and the replicas that each wants", async (t) => {
  const { client, scaleBy, use, metrics, rest, counted } = await start(t, 2);
  await rest(settledMs);
  use("900m");
  await scaleBy({});
  await rest(1_000);
  const [label, none] = ['error="none"', 'action="none",error="internal"'];
  assert.deepEqual(counted("reconciliations_total"), { [`action="scale_up",${label}`]: 1 });
  // As upstream, a metric is held against the status: the first look finds none there.
  assert.deepEqual(counted("metric_computation_total"), { [`action="scale_up",${label},metric_type="Resource"`]: 1 });
  assert.deepEqual(counted("num_horizontal_pod_autoscalers"), { "": 1 });
  assert.deepEqual(counted("desired_replicas"), { 'namespace="default",hpa_name="web"': 3 });
  metrics(() => undefined);
  await rest(15_000);
  assert.equal(counted("reconciliations_total")[none], 1);
  assert.equal(counted("metric_computation_total")[`${none},metric_type="Resource"`], 1);
  assert.equal(counted("reconciliation_duration_seconds_count")[none], 1);
  assert.equal(counted("metric_computation_duration_seconds_count")[`${none},metric_type="Resource"`], 1);
  await client.delete(HorizontalPodAutoscalers, autoscalerKey);
  await rest(15_000);
  assert.deepEqual([counted("num_horizontal_pod_autoscalers"), counted("desired_replicas")], [{}, {}]);
});
