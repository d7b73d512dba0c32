import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { isSignedByP224, readP224Point } from "./p224.ts";

const message = new TextEncoder().encode("what is signed");

function signedBy(hash: string) {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "secp224r1" });
  const signature = sign(hash, message, { key: privateKey, dsaEncoding: "ieee-p1363" });
  const point = publicKey.export({ type: "spki", format: "der" }).subarray(-57);
  return { point, signature, digest: createHash(hash).update(message).digest() };
}

for (const hash of ["sha1", "sha224", "sha256", "sha384", "sha512"])
  test(`a key on P-224 is known by its signatures over ${hash}, and by no others`, () => {
    for (let round = 0; round < 8; round++) {
      const { point, signature, digest } = signedBy(hash);
      const key = readP224Point(point);
      assert.ok(key);
      assert.ok(isSignedByP224(key, digest, signature));
      for (const [bytes, at] of [
        [signature, round],
        [signature, 28 + round],
        [digest, round],
      ] as const) {
        const changed = bytes.slice();
        changed[at]! ^= 1;
        const [hashed, numbers] = bytes === digest ? [changed, signature] : [digest, changed];
        assert.ok(!isSignedByP224(key, hashed, numbers));
      }
      const another = readP224Point(signedBy(hash).point);
      assert.ok(another && !isSignedByP224(another, digest, signature));
    }
  });

test("numbers out of range are no signature", () => {
  const { point, signature, digest } = signedBy("sha256");
  const key = readP224Point(point);
  assert.ok(key);
  const zeros = Buffer.alloc(28);
  assert.ok(!isSignedByP224(key, digest, Buffer.concat([zeros, signature.subarray(28)])));
  assert.ok(!isSignedByP224(key, digest, Buffer.concat([signature.subarray(0, 28), zeros])));
  assert.ok(!isSignedByP224(key, digest, Buffer.alloc(56, 0xff)));
});

test("a point is uncompressed and on the curve", () => {
  const { point } = signedBy("sha256");
  const changed = point.slice();
  changed[20]! ^= 1;
  assert.equal(readP224Point(changed), undefined);
  assert.equal(readP224Point(point.subarray(1)), undefined);
  assert.equal(readP224Point(Buffer.concat([Buffer.from([2]), point.subarray(1, 29)])), undefined);
});
