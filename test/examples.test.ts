// What docs/testing.md tells is what these do.
import "../examples/testing/https.test.ts";
import "../examples/testing/preview.test.ts";
