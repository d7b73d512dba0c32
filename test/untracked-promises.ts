// Loaded before every test file: Node's test runner follows each promise from its making to its end, to know whose a
// stray error is, which takes up to three quarters of the processor time of a test on the virtual clock. Without that a
// stray error fails its file instead of its test.
import hooks from "node:async_hooks";

const { createHook } = hooks;
hooks.createHook = (callbacks) => createHook({ ...callbacks, trackPromises: false });
