import { type GreetingV2, textOf } from "./greeting.ts";
import { apply, mergeStatus, watch } from "./kubernetes.ts";

const collection = "/apis/greetings.example.com/v2/greetings";

/** Follows all greetings for ever: a watch without a resourceVersion begins with everything that is there. */
export async function run(): Promise<never> {
  for (;;) {
    try {
      for await (const { type, object } of watch<GreetingV2>(collection)) {
        if (type === "ADDED" || type === "MODIFIED") await reconcile(object);
        else if (type === "ERROR") break;
      }
    } catch (error) {
      console.error("beginning again after", error);
      await new Promise((wake) => setTimeout(wake, 1_000));
    }
  }
}

/** Makes the ConfigMap that the greeting asks for. It goes with its owner: the garbage collector sees to that. */
async function reconcile(greeting: GreetingV2): Promise<void> {
  const { name, namespace, uid, generation, deletionTimestamp } = greeting.metadata;
  if (deletionTimestamp !== undefined || greeting.status?.observedGeneration === generation) return;
  const configMap = `${name}-greeting`;
  await apply(`/api/v1/namespaces/${namespace}/configmaps/${configMap}`, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: configMap,
      ownerReferences: [{ apiVersion: greeting.apiVersion, kind: greeting.kind, name, uid, controller: true }],
    },
    data: { text: textOf(greeting) },
  });
  await mergeStatus(`/apis/greetings.example.com/v2/namespaces/${namespace}/greetings/${name}`, {
    observedGeneration: generation,
    configMap,
  });
  console.log(`${namespace}/${name}: ${textOf(greeting)}`);
}
