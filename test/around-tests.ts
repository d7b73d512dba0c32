import { after, before } from "node:test";

/**
 * Opens what the tests of a file share before the first of them, and closes it after the last. Also where a name pattern
 * leaves none of them: Node does not wait for `before` then, and runs `after` beside it.
 */
export function aroundTests(open: () => unknown, close: () => unknown): void {
  let opening: unknown;
  before(async () => {
    opening = open();
    await opening;
  });
  after(async () => {
    await opening;
    await close();
  });
}
