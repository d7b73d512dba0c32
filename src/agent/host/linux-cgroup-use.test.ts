import assert from "node:assert/strict";
import { test } from "node:test";
import { cgroupUse, parseInterfaces } from "./linux-cgroup-use.ts";

const expected = {
  cpu: {
    nanoSeconds: 3_000_000,
    userNanoSeconds: 2_000_000,
    systemNanoSeconds: 1_000_000,
    periods: 7,
    throttledPeriods: 2,
    throttledNanoSeconds: 9_000,
  },
  memory: {
    usageBytes: 1_000,
    workingSetBytes: 900,
    rssBytes: 600,
    cacheBytes: 300,
    swapBytes: 50,
    failures: 4,
  },
  processes: 5,
  blocks: { reads: 3, writes: 5, readBytes: 30, writtenBytes: 50 },
};

test("what a cgroup has used is read from either version", async () => {
  const reader = (files: Readonly<Record<string, string>>) => async (path: string) => files[path];
  const v2 = [{ root: "/two", version: 2 as const, controllers: ["cpu", "memory", "io", "pids"] }];
  const ofV2 = await cgroupUse(
    v2,
    "/a",
    reader({
      "/two/a/cgroup.procs": "1\n",
      "/two/a/cpu.stat":
        "usage_usec 3000\nuser_usec 2000\nsystem_usec 1000\nnr_periods 7\nnr_throttled 2\nthrottled_usec 9\n",
      "/two/a/memory.current": "1000\n",
      "/two/a/memory.stat": "anon 600\nfile 300\ninactive_file 100\n",
      "/two/a/memory.swap.current": "50\n",
      "/two/a/memory.events": "low 0\nmax 4\n",
      "/two/a/pids.current": "5\n",
      "/two/a/io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:16 rbytes=20 wbytes=30 rios=2 wios=3\n",
    }),
  );
  assert.deepEqual(ofV2, expected);
  const v1 = ["cpu", "cpuacct", "memory", "pids", "blkio"].map((name) => ({
    root: `/one/${name}`,
    version: 1 as const,
    controllers: [name],
  }));
  const ofV1 = await cgroupUse(
    v1,
    "/a",
    reader({
      "/one/cpuacct/a/cgroup.procs": "1\n",
      "/one/cpuacct/a/cpuacct.usage": "3000000\n",
      "/one/cpuacct/a/cpuacct.usage_user": "2000000\n",
      "/one/cpuacct/a/cpuacct.usage_sys": "1000000\n",
      "/one/cpu/a/cpu.stat": "nr_periods 7\nnr_throttled 2\nthrottled_time 9000\n",
      "/one/memory/a/memory.usage_in_bytes": "1000\n",
      "/one/memory/a/memory.stat":
        "cache 1\nrss 1\ntotal_cache 300\ntotal_rss 600\ntotal_swap 50\ntotal_inactive_file 100\n",
      "/one/memory/a/memory.failcnt": "4\n",
      "/one/pids/a/pids.current": "5\n",
      "/one/blkio/a/blkio.throttle.io_serviced_recursive": "8:0 Read 3\n8:0 Write 5\nTotal 8\n",
      "/one/blkio/a/blkio.throttle.io_service_bytes_recursive": "8:0 Read 30\n8:0 Write 50\nTotal 80\n",
    }),
  );
  assert.deepEqual(ofV1, expected);
  assert.equal(await cgroupUse(v1, "/none", reader({})), undefined);
});

test("the interfaces of a network are counted, without its loopback", () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:    1296      16    1    2    0     0          0         0     1086      15    3    4    0     0       0          0
`;
  assert.deepEqual(parseInterfaces(text), [
    {
      interfaceName: "eth0",
      received: { bytes: 1_296, packets: 16, errors: 1, dropped: 2 },
      transmitted: { bytes: 1_086, packets: 15, errors: 3, dropped: 4 },
    },
  ]);
});
