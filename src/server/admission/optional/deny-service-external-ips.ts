import { type Service, Services } from "../../../api/index.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { refuse } from "../refusal.ts";
import { written } from "../subject.ts";

/** Nobody takes over traffic to addresses of others: a Service gets no external IP that it does not have already. */
export const denyServiceExternalIps: AdmissionPlugin = {
  name: "DenyServiceExternalIPs",
  validate(request) {
    const wanted = written(request, Services, "CREATE", "UPDATE")?.spec?.externalIPs ?? [];
    const had = (request.old as Service | undefined)?.spec?.externalIPs ?? []; // the request is about services
    if (wanted.some((each) => !had.includes(each)))
      throw refuse(request, "Use of external IPs is denied by admission control");
  },
};
