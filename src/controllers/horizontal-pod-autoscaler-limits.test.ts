import assert from "node:assert/strict";
import { test } from "node:test";
import type { HorizontalPodAutoscalerBehavior } from "../api/index.ts";
import { type Limits, limitScale, type ScalingHistory, withChange } from "./horizontal-pod-autoscaler-limits.ts";

const nowMs = 1_000_000_000;
const nothing: ScalingHistory = { recommendations: [], changes: [] };
const ago = (seconds: number, count: number) => ({ atMs: nowMs - seconds * 1000, count });

function limits(current: number, behavior?: HorizontalPodAutoscalerBehavior, min = 1, max = 100): Limits {
  return { current, behavior, min, max };
}
function outcome(desired: number, within: Limits, history = nothing) {
  const { replicas, ableToScale, scalingLimited } = limitScale(desired, within, history, nowMs);
  return [replicas, ableToScale.reason, scalingLimited.status, scalingLimited.reason];
}

test("without behavior replicas at most double, and stay within minimum and maximum", () => {
  assert.deepEqual(outcome(5, limits(3)), [5, "ReadyForNewScale", "False", "DesiredWithinRange"]);
  assert.deepEqual(outcome(50, limits(1)), [4, "ReadyForNewScale", "True", "ScaleUpLimit"]);
  assert.deepEqual(outcome(50, limits(10)), [20, "ReadyForNewScale", "True", "ScaleUpLimit"]);
  assert.deepEqual(outcome(50, limits(10, undefined, 1, 15)), [15, "ReadyForNewScale", "True", "TooManyReplicas"]);
  assert.deepEqual(outcome(1, limits(10, undefined, 3)), [3, "ReadyForNewScale", "True", "TooFewReplicas"]);
});

test("the highest recommendation of the last five minutes holds replicas up", () => {
  const history = { recommendations: [ago(301, 9), ago(299, 7), ago(10, 4)], changes: [] };
  assert.deepEqual(outcome(3, limits(8), history), [7, "ScaleDownStabilized", "False", "DesiredWithinRange"]);
  const { history: next } = limitScale(3, limits(8), history, nowMs);
  assert.deepEqual(next.recommendations, [ago(299, 7), ago(10, 4), ago(0, 3)]);
});

const pods = (value: number, periodSeconds = 60) => ({ type: "Pods", value, periodSeconds });
const percent = (value: number, periodSeconds = 60) => ({ type: "Percent", value, periodSeconds });
/** No windows. */
const at = (up: object, down: object): HorizontalPodAutoscalerBehavior => ({
  scaleUp: { stabilizationWindowSeconds: 0, ...up },
  scaleDown: { stabilizationWindowSeconds: 0, ...down },
});

test("policies say how fast replicas grow", () => {
  const both = { policies: [pods(4), percent(100)] };
  assert.deepEqual(outcome(50, limits(2, at(both, both))), [6, "ReadyForNewScale", "True", "ScaleUpLimit"]);
  assert.equal(outcome(50, limits(10, at(both, both)))[0], 20);
  assert.equal(outcome(50, limits(10, at({ ...both, selectPolicy: "Min" }, both)))[0], 14);
  assert.deepEqual(outcome(50, limits(10, at({ ...both, selectPolicy: "Disabled" }, both))), [
    10,
    "ReadyForNewScale",
    "True",
    "ScaleUpLimit",
  ]);
  // A percentage rounds up, or one replica would never become two.
  assert.equal(outcome(50, limits(1, at({ policies: [percent(10)] }, both)))[0], 2);
});

test("policies say how fast replicas go", () => {
  const both = { policies: [pods(4), percent(10)] };
  assert.deepEqual(outcome(1, limits(100, at(both, both))), [90, "ReadyForNewScale", "True", "ScaleDownLimit"]);
  assert.equal(outcome(1, limits(100, at(both, { ...both, selectPolicy: "Min" })))[0], 96);
  assert.equal(outcome(1, limits(20, at(both, both)))[0], 16);
  assert.equal(outcome(1, limits(20, at(both, { ...both, selectPolicy: "Disabled" })))[0], 20);
  assert.deepEqual(outcome(0, limits(3, at(both, both))), [1, "ReadyForNewScale", "True", "TooFewReplicas"]);
});

test("what changed within a policy's period counts against it", () => {
  const behavior = at({ policies: [pods(4)] }, { policies: [pods(2)] });
  const history = { recommendations: [], changes: [ago(61, 10), ago(30, 3)] };
  assert.equal(outcome(50, limits(10, behavior), history)[0], 11);
  const used = { recommendations: [], changes: [ago(30, 6)] };
  assert.equal(outcome(50, limits(10, behavior), used)[0], 10);
  // What was taken away within the period may come back.
  const taken = { recommendations: [], changes: [ago(30, -3)] };
  assert.equal(outcome(50, limits(10, behavior), taken)[0], 17);
  assert.equal(outcome(1, limits(10, behavior), taken)[0], 10);
});

test("windows hold replicas between the lowest and the highest that were recommended in them", () => {
  const behavior: HorizontalPodAutoscalerBehavior = {
    scaleUp: { stabilizationWindowSeconds: 60, policies: [pods(100)] },
    scaleDown: { stabilizationWindowSeconds: 120, policies: [pods(100)] },
  };
  const history = { recommendations: [ago(110, 12), ago(50, 6), ago(20, 8)], changes: [] };
  assert.deepEqual(outcome(9, limits(5, behavior), history), [6, "ScaleUpStabilized", "False", "DesiredWithinRange"]);
  assert.deepEqual(outcome(3, limits(20, behavior), history), [
    12,
    "ScaleDownStabilized",
    "False",
    "DesiredWithinRange",
  ]);
  assert.equal(outcome(9, limits(8, behavior), history)[0], 8);
});

test("a window that is not given is five minutes downwards and none upwards", () => {
  const behavior = { scaleUp: { policies: [pods(100)] }, scaleDown: { policies: [pods(100)] } };
  const history = { recommendations: [ago(290, 7), ago(10, 1)], changes: [] };
  assert.equal(outcome(2, limits(9, behavior), history)[0], 7);
  assert.equal(outcome(9, limits(2, behavior), history)[0], 9);
});

test("only changes that some policy still counts are remembered", () => {
  const behavior = at({ policies: [pods(4, 30)] }, { policies: [pods(2, 60)] });
  const history = { recommendations: [], changes: [ago(60, 1), ago(59, 2)] };
  assert.deepEqual(withChange(history, -3, limits(5, behavior), nowMs).changes, [ago(59, 2), ago(0, -3)]);
  assert.deepEqual(withChange(history, -3, limits(5), nowMs).changes, []);
});
