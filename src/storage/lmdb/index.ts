// The embedded driver: LMDB through lmdb-js.
export { databasePath, formatVersion, holdsData } from "./data-format.ts";
export { type LmdbStorageOptions, openLmdbStorage } from "./lmdb-storage.ts";
