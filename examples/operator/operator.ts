/** An operator in one process: the API server calls its webhooks, and it follows the objects of its kind. */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { json } from "node:stream/consumers";
import { type AdmissionReview, mutate, validate } from "./admission.ts";
import { answerConversion, type ConversionReview } from "./conversion.ts";
import { run } from "./reconcile.ts";

const port = 8443;

/** What the API server sends is what its configuration of the webhook says. */
const webhooks: Readonly<Record<string, (review: unknown) => object>> = {
  "/convert": (review) => answerConversion(review as ConversionReview),
  "/mutate": (review) => mutate(review as AdmissionReview),
  "/validate": (review) => validate(review as AdmissionReview),
};

const tls = { cert: readFileSync("/tls/tls.crt"), key: readFileSync("/tls/tls.key") };
const server = createServer(tls, async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "https://localhost");
  if (pathname === "/healthz") return void response.end("ok");
  const webhook = webhooks[pathname];
  if (!webhook) return void response.writeHead(404).end();
  try {
    const answer = webhook(await json(request));
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(answer));
  } catch (error) {
    console.error(pathname, error);
    response.writeHead(400).end(String(error));
  }
});
server.listen(port, () => console.log(`webhooks listen on ${port}`));
// As the first process of its container it hears of its end only when it listens.
process.on("SIGTERM", () => process.exit(0));
await run();
