import { type RankingRule, ratingMax } from "../rule.ts";
import type { Snapshot } from "../snapshot.ts";

const mebibyte = 1024 * 1024;
/** Images below are pulled at no cost worth counting… */
const bytesMin = 23 * mebibyte;
/** …and above, for each container, at the full cost. */
const bytesMaxPerContainer = 1_000 * mebibyte;

/**
 * Prefers nodes that have the pod's images. An image counts by the share of nodes that have it, so that not all pods go
 * to the first node that pulled it.
 */
export const imageLocality: RankingRule = {
  name: "ImageLocality",
  weight: 1,
  prepare({ shape }, snapshot) {
    const { images, imageContainers } = shape;
    const bytes = images.map((image) => countedBytes(image, snapshot));
    if (bytes.every((each) => each === 0)) return undefined;
    return {
      rate(node) {
        let sum = 0;
        for (const [i, image] of images.entries()) if (snapshot.hasImage(image, node)) sum += bytes[i]!;
        return rating(sum, imageContainers);
      },
    };
  },
  basis({ shape }, snapshot) {
    // The rating of a node that has all of them: finer differences do not change a plan.
    const { images, imageContainers } = shape;
    return rating(
      images.reduce((sum, image) => sum + countedBytes(image, snapshot), 0),
      imageContainers,
    );
  },
};

function countedBytes(image: string, snapshot: Snapshot): number {
  const spread = snapshot.image(image);
  return spread === undefined ? 0 : Math.floor((spread.sizeBytes * spread.nodeCount) / snapshot.nodes.length);
}

function rating(bytes: number, containers: number): number {
  const bytesMax = bytesMaxPerContainer * Math.max(1, containers);
  const counted = Math.min(Math.max(bytes, bytesMin), bytesMax);
  return Math.floor((ratingMax * (counted - bytesMin)) / (bytesMax - bytesMin));
}
