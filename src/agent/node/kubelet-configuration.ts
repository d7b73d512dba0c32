import { goDuration } from "../pod/crash-backoff.ts";
import { type AgentSettings, periodsOf, settingsDefaults } from "../settings.ts";

/** How this agent works, in the words of kubelet.config.k8s.io/v1beta1: what the kubelet says at /configz. */
export function kubeletConfiguration(settings: AgentSettings): object {
  const { port, podsMax, pullsAtOnceMax, imageGc, logRotation, evictionHard, evictionTransitionMs } = {
    ...settingsDefaults,
    ...settings,
  };
  const { leaseMs, statusMs, statusReportMs, logsMs } = periodsOf(settings);
  const { cpuMilli, memoryBytes } = settings.reserved ?? {};
  const bytesUnit = 2 ** 20;
  return {
    kubeletconfig: {
      enableServer: true,
      port,
      authentication: { x509: {}, webhook: { enabled: true, cacheTTL: "2m0s" }, anonymous: { enabled: false } },
      authorization: {
        mode: "Webhook",
        webhook: { cacheAuthorizedTTL: "2m0s", cacheUnauthorizedTTL: "30s" },
      },
      registerNode: true,
      clusterDomain: settings.clusterDomain,
      clusterDNS: settings.clusterDns,
      nodeStatusUpdateFrequency: goDuration(statusMs),
      nodeStatusReportFrequency: goDuration(statusReportMs),
      // A lease is renewed four times while it lasts.
      nodeLeaseDurationSeconds: (leaseMs / 1_000) * 4,
      imageMinimumGCAge: "2m0s",
      imageGCHighThresholdPercent: imageGc.highPercent,
      imageGCLowThresholdPercent: imageGc.lowPercent,
      cgroupRoot: settings.cgroupRoot,
      cgroupsPerQOS: true,
      cgroupDriver: "cgroupfs",
      maxPods: podsMax,
      podPidsLimit: -1,
      cpuCFSQuota: true,
      cpuCFSQuotaPeriod: "100ms",
      serializeImagePulls: pullsAtOnceMax === 1,
      maxParallelImagePulls: pullsAtOnceMax,
      evictionHard,
      evictionPressureTransitionPeriod: goDuration(evictionTransitionMs),
      localStorageCapacityIsolation: true,
      containerLogMaxSize: `${logRotation.bytesMax / bytesUnit}Mi`,
      containerLogMaxFiles: logRotation.filesMax,
      containerLogMonitorInterval: goDuration(logsMs),
      ...(cpuMilli === undefined && memoryBytes === undefined
        ? {}
        : { systemReserved: { cpu: `${cpuMilli ?? 0}m`, memory: String(memoryBytes ?? 0) } }),
      ...(settings.allowedUnsafeSysctls ? { allowedUnsafeSysctls: settings.allowedUnsafeSysctls } : {}),
      ...(settings.nodeTaints ? { registerWithTaints: settings.nodeTaints } : {}),
      enableSystemLogHandler: true,
      enableDebuggingHandlers: true,
    },
  };
}
