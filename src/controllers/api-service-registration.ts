// Says of every group version that this server serves itself that it does: kube-aggregator's autoregister and
// crdregistration controllers.
import {
  type APIService,
  APIServices,
  apiVersionOf,
  isOwnGroup,
  localApiServicePriority,
  type NewObject,
  PodMetricses,
  type ResourceDefinition,
  type ResourceRequest,
} from "../api/index.ts";
import { defineController } from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";
import { deleteSame } from "./deletion.ts";
import type { ResourceCatalog } from "./resource-catalog.ts";

export const apiServiceRegistrationControllerName = "apiservice-registration";

/** On what the server manages: `onstart` for its own groups, `true` for those that definitions make. */
const managedLabel = "kube-aggregator.kubernetes.io/automanaged";
/** The group of APIServices themselves is served whatever they say. */
const unregistered = "apiregistration.k8s.io";

export function apiServiceRegistrationController(catalog: ResourceCatalog) {
  return defineController({
    name: apiServiceRegistrationControllerName,
    watches: { for: APIServices },
    start({ signal }, enqueue) {
      let known: ReadonlySet<string> = new Set();
      const look = () => {
        const now = new Set(catalog.all().map(nameOf));
        for (const name of now.symmetricDifference(known)) enqueue(name);
        known = now;
      };
      look();
      signal.addEventListener("abort", catalog.onChange(look), { once: true });
    },
    async reconcile({ client, cache }, name) {
      const present = cache.get(APIServices, name);
      const definition = catalog.all().find((each) => nameOf(each) === name && each.group !== unregistered);
      if (!definition) {
        if (present?.metadata.labels?.[managedLabel] !== undefined) await deleteSame(client, APIServices, present);
        return;
      }
      const wanted = apiServiceOf(definition);
      if (!present) await client.create(APIServices, wanted);
      else if (isKept(present) && !deepEqual(present.spec, wanted.spec))
        await client.update(APIServices, { ...present, spec: wanted.spec });
    },
  });
}

/** The requests that register all that is served. */
export function apiServiceCreations(catalog: Pick<ResourceCatalog, "all">): ResourceRequest[] {
  const { group, version, plural, kind } = APIServices;
  const apiVersion = apiVersionOf(APIServices);
  const byName = new Map(catalog.all().map((each) => [nameOf(each), each]));
  return [...byName.values()]
    .filter((each) => each.group !== unregistered)
    .map((each) => ({
      ...{ verb: "create", group, version, plural, options: { fieldManager: "kube-apiserver" } },
      body: { apiVersion, kind, ...apiServiceOf(each) },
    }));
}

/**
 * Without the label it is somebody's own, who may let another server answer. Who installs a metrics server applies its
 * APIService over the one that is there, which leaves the label.
 */
function isKept({ metadata, spec }: APIService): boolean {
  return metadata.labels?.[managedLabel] !== undefined && !(spec.group === PodMetricses.group && spec.service);
}

function nameOf({ group, version }: ResourceDefinition): string {
  return `${version}.${group}`;
}

function apiServiceOf({ group, version }: ResourceDefinition): NewObject<APIService> & Pick<APIService, "spec"> {
  const priority = localApiServicePriority(group, version);
  return {
    metadata: {
      name: `${version}.${group}`,
      labels: { [managedLabel]: isOwnGroup(group) ? "onstart" : "true" },
    },
    spec: {
      ...(group === "" ? {} : { group }),
      version,
      groupPriorityMinimum: priority.group,
      versionPriority: priority.version,
    },
  };
}
