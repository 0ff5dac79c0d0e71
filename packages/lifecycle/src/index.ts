export { type Accepted, type AcceptOptions, acceptDocument } from './accept';
export {
  type ChunkClaim,
  type ClaimedChunk,
  claimChunks,
  expireLeases,
  releaseChunks,
  renewChunkLeases,
} from './chunks';
export {
  type ChunkedDocument,
  type ClaimedJob,
  claimJob,
  failJob,
  type JobClaim,
  releaseJob,
  renewJobLease,
  storeChunks,
} from './jobs';
export { deleteDocument } from './remove';
export type { RetryPolicy, RoundResult } from './rounds';
export { type EmbeddedChunk, type FailedChunk, type Settled, type Settlement, settleChunks } from './settle';
