export { type Accepted, type AcceptOptions, acceptDocument } from './accept';
export { type BulkCount, type BulkSelection, countRetries, type RetryDeliveries, retryMany } from './bulkRetry';
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
export { redispatchChunks, redispatchJobs } from './dispatch';
export {
  type ChunkedDocument,
  type ClaimedJob,
  claimJob,
  expireJobLeases,
  failJob,
  type JobClaim,
  releaseJob,
  renewJobLease,
  retryReading,
  storeChunks,
} from './jobs';
export { noteReading } from './progress';
export { findDriftedJobs, reconcileCounters } from './reconcile';
export {
  type BegunReEmbedding,
  beginReEmbedJobs,
  countOpenReEmbedChunks,
  endReEmbedJobs,
  type ReEmbedOptions,
} from './reEmbed';
export { deleteDocument } from './remove';
export { type PagesRetried, retryPages, storePages } from './rereading';
export { type Retried, type RetryRequest, retryJob, type SkippedChunk } from './retry';
export type { RetryPolicy, RoundResult } from './rounds';
export { type EmbeddedChunk, type FailedChunk, type Settled, type Settlement, settleChunks } from './settle';
