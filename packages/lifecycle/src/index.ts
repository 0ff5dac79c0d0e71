export {
  type Accepted,
  type AcceptedFile,
  type AcceptOptions,
  acceptDocument,
  findSameContent,
  mayLackPassword,
} from './accept';
export {
  type BulkCount,
  type BulkSelection,
  countRetries,
  type RetryDeliveries,
  retryMany,
} from './bulkRetry';
export { cancelJob } from './cancel';
export {
  type ChunkClaim,
  type ClaimedChunk,
  claimChunks,
  clampLeases,
  expireLeases,
  releaseChunks,
  renewChunkLeases,
} from './chunks';
export type { ClaimedJob } from './claimedJob';
export { copyDocument, type DocumentCopy } from './copyDocument';
export {
  type CollectionDeletion,
  deleteCollection,
  type Removal,
  type RemovalLimits,
  removeDeleted,
} from './deleteCollection';
export { redispatchChunks, redispatchJobs } from './dispatch';
export { failJob } from './failReading';
export { claimJob, expireJobLeases, type JobClaim, releaseJob, renewJobLease, retryReading } from './jobLeases';
export { moveDocument } from './moveDocument';
export { type Pruned, type PruneOptions, pruneHistory } from './prune';
export { type PrunedVersions, type PruneVersionsOptions, pruneVersions } from './pruneVersions';
export { findDriftedJobs, reconcileCounters } from './reconcile';
export {
  type BegunReEmbedding,
  beginReEmbedJobs,
  countOpenReEmbedChunks,
  endReEmbedJobs,
  type ReEmbedOptions,
} from './reEmbed';
export { deleteDocument, type Removed } from './remove';
export { type PagesRetried, retryPages } from './rereadPages';
export { type Retried, type RetryRequest, retryJob, type SkippedChunk } from './retry';
export type { RetryPolicy, RoundResult, SettledChunk } from './rounds';
export { type EmbeddedChunk, type FailedChunk, type Settled, type Settlement, settleChunks } from './settle';
export { type ChunkedDocument, noteReading, storeChunks, storePages } from './storeReading';
export { type Restored, restoreVersion } from './versions';
