export { type CopyType, encodeCopy } from './binaryCopy';
export { checkSetup } from './checkSetup';
export { Database, type DatabaseOptions, Session } from './database';
export { type MigrateOptions, migrate, migrationNames } from './migrations';
export { type MonitoringResult, runMonitoring } from './monitoring';
export { databaseOptions } from './options';
export type { PoolCounts } from './pool';
export type { RoleNames } from './privileges';
export { type FailedReEmbedJob, findReEmbeddingProgress, type ReEmbeddingProgress } from './reEmbedding/progress';
export { ReEmbedding } from './reEmbedding/reEmbedding';
export { hasTables, removeSchema } from './removeSchema';
export type { ChunkAttemptRow } from './repositories/chunkAttempts';
export { defaultCollectionId, systemOwnerId } from './repositories/collections';
export type { DocumentChunkRow, NewDocumentChunk, NewVector } from './repositories/documentChunks';
export type { DocumentPageRow, NewDocumentPage } from './repositories/documentPages';
export type { DocumentRow, NewDocument } from './repositories/documents';
export type { EmbeddingModels, NextModel } from './repositories/embeddingModels';
export {
  type JobChunkDetailRow,
  type JobChunkRow,
  type NewJobChunk,
  vectorTableOfJob,
  type WaitingRow,
} from './repositories/jobChunks';
export type { JobRow, NewJob } from './repositories/jobs';
export type { NewPause, ProviderPause } from './repositories/providerPauses';
export type { RetryGroupRow } from './repositories/retryGroups';
export { makeRoles, type RoleOptions, type RolesMade } from './roles';
export { serverIsSettled } from './serverIsSettled';
export { Sql } from './sql';
export { clientConfig, type TlsSettings, tlsSettings } from './tls';
export { untilAvailable } from './untilAvailable';
export type { BuildProgress } from './vectorIndex/buildProgress';
export type { Resources } from './vectorIndex/buildSession';
export type { SearchFilter } from './vectorIndex/filter';
export { findVectorIndexes, type VectorIndex } from './vectorIndex/find';
export { type VectorIndexKind, vectorIndexKinds } from './vectorIndex/kinds';
export type { SearchRow, WantedChunks } from './vectorIndex/search';
export { type BuildOptions, VectorIndexBuilder } from './vectorIndex/vectorIndexBuilder';
export type { VectorTable } from './vectorIndex/vectorTable';
