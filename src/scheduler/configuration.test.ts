import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../lib/index.ts";
import { readSchedulerConfiguration } from "./configuration.ts";
import { emptyContext, makePod, makeSnapshot } from "./objects-for-tests.ts";
import { Planner } from "./planner.ts";
import type { PluginDefinition } from "./plugin.ts";
import { createProfile } from "./profile.ts";

const configuration = (more: object) => ({
  apiVersion: "kubescheduler.config.k8s.io/v1",
  kind: "KubeSchedulerConfiguration",
  ...more,
});
const oneProfile = (profile: object) => configuration({ profiles: [profile] });

const mistakes: readonly (readonly [what: string, given: object, error: RegExp])[] = [
  ["another kind", { apiVersion: "v1", kind: "Pod" }, /^it is Pod of v1, not KubeSchedulerConfiguration of kubesched/],
  ["a field that there is not", configuration({ profile: [] }), /^unknown field "profile"$/],
  [
    "two profiles of one name",
    configuration({ profiles: [{ schedulerName: "a" }, { schedulerName: "a" }] }),
    /^profiles\[1\]\.schedulerName: Duplicate value: "a"$/,
  ],
  [
    "a plugin that there is not",
    oneProfile({ plugins: { score: { enabled: [{ name: "Nobody" }] } } }),
    /^profiles\[0\]\.plugins\.score\.enabled\[0\]\.name: Unsupported value: "Nobody": supported values: "SchedulingGates"/,
  ],
  [
    "a plugin twice",
    oneProfile({ plugins: { score: { enabled: [{ name: "ImageLocality" }, { name: "ImageLocality" }] } } }),
    /^profiles\[0\]\.plugins\.score\.enabled\[1\]\.name: Duplicate value: "ImageLocality"$/,
  ],
  [
    "volumes that are waited for less than not at all",
    oneProfile({ pluginConfig: [{ name: "VolumeBinding", args: { bindTimeoutSeconds: -1 } }] }),
    /bindTimeoutSeconds: Invalid value: -1/,
  ],
  [
    "searches for devices that end before they begin",
    oneProfile({ pluginConfig: [{ name: "DynamicResources", args: { filterTimeout: "-1s" } }] }),
    /filterTimeout: Invalid value: "-1s": must be zero or positive/,
  ],
  [
    "a time for conditions of devices that there are not",
    oneProfile({ pluginConfig: [{ name: "DynamicResources", args: { bindingTimeout: "1m" } }] }),
    /bindingTimeout: Forbidden/,
  ],
  [
    "another order of the queue",
    oneProfile({ plugins: { queueSort: { enabled: [{ name: "ImageLocality" }] } } }),
    /^profiles\[0\]\.plugins\.queueSort\.enabled\[0\]\.name: Unsupported value/,
  ],
  ["extenders", configuration({ extenders: [{ urlPrefix: "http://localhost" }] }), /^extenders: Forbidden/],
  [
    "a share above all",
    configuration({ percentageOfNodesToScore: 101 }),
    /^percentageOfNodesToScore: Invalid value: 101: must be from 0 to 100$/,
  ],
  [
    "a longest pause shorter than the first",
    configuration({ podInitialBackoffSeconds: 20, podMaxBackoffSeconds: 10 }),
    /^podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds$/,
  ],
  [
    "settings of a plugin that are wrong",
    oneProfile({ pluginConfig: [{ name: "InterPodAffinity", args: { hardPodAffinityWeight: 200 } }] }),
    /^profiles\[0\]\.pluginConfig\[0\]\.args: .*hardPodAffinityWeight: Invalid value: 200: must be from 0 to 100$/,
  ],
  [
    "points of use in no order",
    oneProfile({
      pluginConfig: [
        {
          name: "NodeResourcesFit",
          args: {
            scoringStrategy: {
              type: "RequestedToCapacityRatio",
              requestedToCapacityRatio: {
                shape: [
                  { utilization: 50, score: 1 },
                  { utilization: 0, score: 2 },
                ],
              },
            },
          },
        },
      ],
    }),
    /shape\[1\]\.utilization: Invalid value: 0: utilization values must be sorted in increasing order$/,
  ],
];

for (const [what, given, error] of mistakes) {
  test(`a configuration is refused for ${what}`, () => {
    assert.throws(() => readSchedulerConfiguration(given), { message: error });
  });
}

/** The names of what a profile has at each point that the tests are about. */
function namesOf(profile: object, more: readonly PluginDefinition[] = []) {
  const [settings] = readSchedulerConfiguration(oneProfile(profile), more).profiles;
  const { filters, scores, postFilter } = createProfile(settings!, emptyContext(), more);
  return {
    filters: filters.map(({ name }) => name),
    scores: scores.map(({ rule, weight }) => `${rule.name}=${weight}`),
    postFilter: postFilter.map(({ name }) => name),
  };
}

test("a profile without settings has the weights of Kubernetes", () => {
  assert.deepEqual(
    namesOf({}).scores.filter((score) => !score.startsWith("Volume") && !score.startsWith("Dynamic")),
    [
      "TaintToleration=3",
      "NodeAffinity=2",
      "NodeResourcesFit=1",
      "PodTopologySpread=2",
      "InterPodAffinity=2",
      "NodeResourcesBalancedAllocation=1",
      "ImageLocality=1",
    ],
  );
});

test("plugins are taken away at one point, at all of them, and given other weights", () => {
  const { scores, filters, postFilter } = namesOf({
    plugins: {
      multiPoint: { enabled: [{ name: "ImageLocality", weight: 7 }], disabled: [{ name: "DefaultPreemption" }] },
      score: { disabled: [{ name: "*" }], enabled: [{ name: "NodeAffinity", weight: 5 }] },
      filter: { disabled: [{ name: "NodePorts" }] },
    },
  });
  assert.deepEqual(scores, ["NodeAffinity=5"]);
  assert.ok(!filters.includes("NodePorts") && filters.includes("NodeResourcesFit"));
  assert.ok(!postFilter.includes("DefaultPreemption"));
});

test("a plugin cannot be enabled where it does nothing", () => {
  assert.throws(() => namesOf({ plugins: { filter: { enabled: [{ name: "ImageLocality" }] } } }), {
    message: "the plugin ImageLocality of the profile default-scheduler does nothing at filter",
  });
});

/** Where a pod goes by the one profile of a configuration. */
function placeBy(profile: object, placed: Parameters<typeof makeSnapshot>[1], pod: Parameters<typeof makePod>[0] = {}) {
  const snapshot = makeSnapshot([{ name: "a" }, { name: "b", labels: { disk: "ssd" } }], placed);
  const [settings] = readSchedulerConfiguration(oneProfile(profile)).profiles;
  const planner = new Planner(snapshot, createProfile(settings!, emptyContext(snapshot)), seededRandom(1));
  const plan = planner.plan(makePod(pod));
  return "nodeName" in plan ? plan.nodeName : plan.diagnosis.message();
}

const fitBy = (scoringStrategy: object) => ({
  plugins: { score: { disabled: [{ name: "*" }], enabled: [{ name: "NodeResourcesFit" }] } },
  pluginConfig: [{ name: "NodeResourcesFit", args: { scoringStrategy } }],
});
const used = { b: [{ requests: { cpu: "2", memory: "1Gi" } }] };
const resources = [{ name: "cpu", weight: 1 }];

test("nodes are filled evenly, or one after the other, or by a function of their use", () => {
  const pod = { requests: { cpu: "1" } };
  assert.equal(placeBy(fitBy({ type: "LeastAllocated", resources }), used, pod), "a");
  assert.equal(placeBy(fitBy({ type: "MostAllocated", resources }), used, pod), "b");
  const shape = [
    { utilization: 0, score: 0 },
    { utilization: 75, score: 10 },
    { utilization: 100, score: 0 },
  ];
  const byRatio = fitBy({ type: "RequestedToCapacityRatio", resources, requestedToCapacityRatio: { shape } });
  assert.equal(placeBy(byRatio, used, pod), "b");
});

test("a profile adds affinity of its own to all pods", () => {
  const nodeSelectorTerms = [{ matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] }];
  const addedAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  const profile = { pluginConfig: [{ name: "NodeAffinity", args: { addedAffinity } }] };
  assert.equal(placeBy(profile, used), "b");
  assert.match(
    placeBy(profile, { b: [{ requests: { cpu: "4" } }] }, { requests: { cpu: "1" } }),
    /1 node\(s\) didn't match scheduler-enforced node affinity/,
  );
});

test("extended resources that are accounted for elsewhere are ignored", () => {
  const profile = (args: object) => ({ pluginConfig: [{ name: "NodeResourcesFit", args }] });
  const pod = { requests: { "example.com/gpu": "1" } };
  assert.match(placeBy(profile({}), {}, pod), /2 Insufficient example\.com\/gpu/);
  assert.match(placeBy(profile({ ignoredResourceGroups: ["example.com"] }), {}, pod), /^[ab]$/);
});
