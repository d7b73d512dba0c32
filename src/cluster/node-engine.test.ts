import assert from "node:assert/strict";
import { test } from "node:test";
import { dataDirectory } from "./data-directory.ts";
import { nodeImages } from "./node-engine.ts";
import { chooseSettings } from "./up.ts";

test("images are refused with what mends it: a cluster with a node, or that it runs", async () => {
  const directory = dataDirectory("/nowhere");
  const settings = (nodes: number) => chooseSettings(undefined, { nodes }, "/nowhere/kubeconfig");
  await assert.rejects(nodeImages(directory, settings(0)), { message: /no node.*make one with a node/ });
  await assert.rejects(nodeImages(directory, settings(1)), { message: /no running node.*"roder up"/ });
});
