import { readdirSync, statSync } from "node:fs";
import { memoryUsage, resourceUsage, uptime } from "node:process";
import type { Clock, MetricRegistry } from "../../lib/index.ts";

/** Tells how large the store's file is. */
export function observeFile(metrics: MetricRegistry, path: string): void {
  const name = "apiserver_storage_size_bytes";
  const size = metrics.gauge({ name, help: "Size of the store's file.", labels: ["storage_cluster_id"] }).with("0");
  metrics.onScrape(() => {
    size.value = statSync(path).size;
  });
}

/** What Prometheus' client libraries tell of their process, looked up with every scrape. */
export function observeProcess(metrics: MetricRegistry, clock: Clock): void {
  const startSeconds = clock.now() / 1000 - uptime();
  const cpu = metrics.counter({ name: "process_cpu_seconds_total", help: "Processor time, user's and system's." });
  const gauge = (name: string, help: string) => metrics.gauge({ name, help }).with();
  const resident = gauge("process_resident_memory_bytes", "Resident memory.");
  const files = gauge("process_open_fds", "Open file descriptors.");
  const heapUsed = gauge("nodejs_heap_size_used_bytes", "Memory of JavaScript objects.");
  const heapTotal = gauge("nodejs_heap_size_total_bytes", "Memory kept for JavaScript objects.");
  const external = gauge("nodejs_external_memory_bytes", "Memory of what JavaScript objects stand for.");
  gauge("process_start_time_seconds", "When the process started, as seconds since 1970.").value = startSeconds;
  metrics.onScrape(() => {
    const { userCPUTime, systemCPUTime } = resourceUsage(); // microseconds
    cpu.with().value = (userCPUTime + systemCPUTime) / 1e6;
    const memory = memoryUsage();
    resident.value = memory.rss;
    heapUsed.value = memory.heapUsed;
    heapTotal.value = memory.heapTotal;
    external.value = memory.external;
    files.value = readdirSync("/proc/self/fd").length;
  });
}
