// What the sources use of the language and Node 22 and 24 lack; nothing is replaced that is there.
import "core-js/actual/map/get-or-insert-computed.js";
import "core-js/actual/regexp/escape.js";
import "core-js/actual/typed-array/from-base64.js";
import "core-js/actual/typed-array/to-base64.js";
import "core-js/actual/weak-map/get-or-insert-computed.js";
