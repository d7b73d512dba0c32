// Jobs and CronJobs with real containers, seen with kubectl.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Job, Pod } from "../../src/api/index.ts";
import { imageArchive } from "../images/build.ts";
import { eventually, TestCluster } from "./cluster.ts";

const image = "docker.io/library/busybox:1.35";
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("jobs");
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive(image)]);
  // Its first minute passes during the other tests.
  await cluster.kubectl("create", "cronjob", "tick", `--image=${image}`, "--schedule=* * * * *", "--", "date");
});
after(() => cluster.remove());

/** A job whose spec is given as YAML, indented by two, and whose pods run a shell command. */
const job = (name: string, command: string, spec: string) => `apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}
spec:
${spec}
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: ${image}
          command: ["sh", "-c", ${JSON.stringify(command)}]
`;

const complete = (name: string) => cluster.kubectl("wait", "--for=condition=complete", `job/${name}`, "--timeout=60s");
const status = async (name: string) => (await cluster.json<Job>("get", "job", name)).status;
const podsOf = async (name: string) =>
  (await cluster.json<{ items: Pod[] }>("get", "pods", "-l", `batch.kubernetes.io/job-name=${name}`)).items;

test("a job runs to its completion, and its output stays", async () => {
  await cluster.kubectl("create", "job", "hello", `--image=${image}`, "--", "echo", "hello");
  await complete("hello");
  assert.equal(await cluster.kubectl("logs", "job/hello"), "hello\n");
  assert.match(await cluster.kubectl("get", "job", "hello"), /hello +Complete +1\/1 +\d+s/);
  const [pod] = await podsOf("hello");
  assert.deepEqual([pod?.status.phase, pod?.metadata.finalizers ?? []], ["Succeeded", []]);
  await eventually("events tell of it", async () =>
    /SuccessfulCreate.*Created pod: hello-[\s\S]*Job completed/.test(await cluster.kubectl("describe", "job", "hello")),
  );
});

test("a job whose pods fail ends at its backoff limit", async () => {
  await cluster.apply(job("broken", "exit 3", "  backoffLimit: 1"));
  await cluster.kubectl("wait", "--for=condition=failed", "job/broken", "--timeout=60s");
  const { conditions = [], failed } = await status("broken");
  assert.deepEqual([failed, conditions.at(-1)?.reason], [2, "BackoffLimitExceeded"]);
  const codes = (await podsOf("broken")).map((pod) => pod.status.containerStatuses?.[0]?.state?.terminated?.exitCode);
  assert.deepEqual(codes, [3, 3]);
});

test("the pods of an indexed job know their index and their host name", async () => {
  const spec = "  completionMode: Indexed\n  completions: 3\n  parallelism: 2";
  await cluster.apply(job("indexed", "echo $JOB_COMPLETION_INDEX $(hostname)", spec));
  await complete("indexed");
  assert.equal((await status("indexed")).completedIndexes, "0-2");
  const said = await Promise.all(
    (await podsOf("indexed")).map(({ metadata }) => cluster.kubectl("logs", metadata.name)),
  );
  assert.deepEqual(said.sort(), ["0 indexed-0\n", "1 indexed-1\n", "2 indexed-2\n"]);
});

test("a suspended job stops its containers and starts them again", async () => {
  await cluster.apply(job("paused", "trap 'exit 1' TERM; sleep 1000 & wait", "  completions: 1"));
  await cluster.becomes("job/paused", ".status.ready", "1");
  await cluster.kubectl("patch", "job", "paused", "-p", '{"spec":{"suspend":true}}');
  await eventually("its pod is gone", async () => (await podsOf("paused")).length === 0);
  await cluster.becomes("job/paused", ".status.ready", "0");
  assert.equal((await status("paused")).failed, undefined);
  await cluster.kubectl("patch", "job", "paused", "-p", '{"spec":{"suspend":false}}');
  await cluster.becomes("job/paused", ".status.ready", "1");
  await cluster.kubectl("delete", "job", "paused", "--cascade=foreground");
  assert.deepEqual(await podsOf("paused"), []);
});

test("a cron job starts a job every minute, and kubectl starts one of it at once", async () => {
  await cluster.kubectl("create", "job", "manual", "--from=cronjob/tick");
  await complete("manual");
  const manual = await cluster.json<Job>("get", "job", "manual");
  assert.equal(manual.metadata.annotations?.["cronjob.kubernetes.io/instantiate"], "manual");
  const times = await cluster.shows(
    "a job of the cron job has started and completed",
    [
      "cronjob",
      "tick",
      "-o",
      'jsonpath={.status.lastScheduleTime},{.status.lastSuccessfulTime},{.status.active}{"\\n"}',
    ],
    (line) => /^[^,]+,[^,]+,$/.test(line),
    90_000,
  );
  const minute = Date.parse(times.split(",")[0] ?? "") / 60_000;
  assert.match(await cluster.kubectl("logs", `job/tick-${minute}`), /UTC/);
  await cluster.kubectl("delete", "cronjob", "tick");
});
