export { type GrownTile, TreeFrontier, type TreeGrowth } from './frontier.js'
export {
  emptyRoot,
  HASH_BYTES,
  hashLeaf,
  hashNode,
  hashRange,
  LEAF_PREFIX,
  leafDigestIn,
  sameHash,
  sha256,
  writeLeafHash,
} from './hash.js'
export { leafHashAt } from './leaf-hash.js'
export { proveConsistency, proveInclusion } from './prove.js'
export { rootAt } from './root-at.js'
export {
  nodesAt,
  TILE_HEIGHT,
  TILE_WIDTH,
  type Tile,
  type TileReader,
  tilePath,
  tileWidth,
} from './tiles.js'
export { type ConsistencyClaim, type InclusionClaim, verifyConsistency, verifyInclusion } from './verify.js'
