// Certificate signing requests as users make them: with openssl, which knows nothing of ours.
import { execFileSync, spawnSync } from "node:child_process";

/** Why a test that asks for certificates is skipped; false when it is not. */
export const skipWithoutOpenssl = spawnSync("openssl", ["version"]).status !== 0 && "no openssl here";

/** A request (PKCS#10) for the subject, `/O=dev/CN=jane`, as PEM in base64; its key is thrown away unless it has a file. */
export function certificateRequest(subject: string, keyFile = "/dev/null"): string {
  const parameters = ["req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  return execFileSync("openssl", [...parameters, "-keyout", keyFile, "-subj", subject], {
    stdio: ["ignore", "pipe", "ignore"],
  }).toString("base64");
}
