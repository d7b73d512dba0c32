/** Where the server says why pods are where they are. In a file of its own: who asks need not load who answers. */
export const placementsPath = "/debug/scheduler/placements";
