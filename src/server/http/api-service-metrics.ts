import type { MetricRegistry } from "../../lib/index.ts";
import { type ApiServices, isAvailable } from "../aggregation/index.ts";

/** Tells with every scrape which APIs are not available. */
export function observeApiServices(metrics: MetricRegistry, apiServices: ApiServices): void {
  const unavailable = metrics.gauge({
    name: "aggregator_unavailable_apiservice",
    help: "Whether an APIService is not available.",
    labels: ["name"],
  });
  metrics.onScrape(() => {
    unavailable.clear();
    for (const service of apiServices.all())
      unavailable.with(service.metadata.name).value = isAvailable(service) ? 0 : 1;
  });
}
