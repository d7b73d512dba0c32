// Prints how long a cluster inside a fresh program takes from its start to its first answer, with how many nodes, and how
// long its modules take to load before.
const importedMs = performance.now();
const { Cluster, Namespaces } = await import("roder");
const startedMs = performance.now();
const cluster = await Cluster.start({ nodes: Number(process.argv[2] ?? 1) });
await cluster.client.get(Namespaces, { name: "default" });
const answeredMs = performance.now();
await cluster.stop();
console.log(JSON.stringify({ loadMs: startedMs - importedMs, answerMs: answeredMs - startedMs }));
