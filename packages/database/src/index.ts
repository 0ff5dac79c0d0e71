export { type CopyType, encodeCopy } from './connection/binaryCopy';
export { namesMissingUser, violatesUnique } from './connection/constraintViolations';
export type { Listed, ListPage, ListPlace } from './connection/newestFirst';
export type { PoolCounts } from './connection/pool';
export { restartGraceIsOver } from './connection/restartGrace';
export { Sql } from './connection/sql';
export { mustRunAgain } from './connection/sqlErrors';
export { clientConfig, tlsSettings, tlsWarning } from './connection/tls';
export { untilAvailable } from './connection/untilAvailable';
export { Database, type DatabaseOptions } from './database/database';
export { databaseOptions } from './database/options';
export { Session } from './database/session';
export { findReEmbeddingProgress, type ReEmbeddingProgress } from './reEmbedding/progress';
export { ReEmbedding } from './reEmbedding/reEmbedding';
export type { ActionFilter, ActionRow } from './repositories/actions';
export { type ApiKeyRow, ApiKeys, type KeyHolder, type NewApiKey } from './repositories/apiKeys';
export type { ChunkAttemptRow } from './repositories/chunkAttempts';
export type { CollectionMemberRow, Subject } from './repositories/collectionMembers';
export {
  type CollectionChanges,
  type CollectionGrant,
  type CollectionQuotas,
  type CollectionRow,
  type CollectionUse,
  defaultCollectionId,
} from './repositories/collections';
export { isNotBeingDeleted } from './repositories/deletingCollections';
export type { DocumentChunkRow, NewDocumentChunk } from './repositories/documentChunks';
export type { DocumentPageRow, NewDocumentPage, PageFailures } from './repositories/documentPages';
export type { DocumentFilter, DocumentRow, NewDocument, NewVersion } from './repositories/documents';
export type { EmbeddingModels, NextModel, StoredModel } from './repositories/embeddingModels';
export type { GroupRow } from './repositories/groups';
export type { StoredAnswer } from './repositories/idempotencyKeys';
export {
  chunkQueueOfJob,
  type JobChunkDetailRow,
  type JobChunkRow,
  type NewJobChunk,
  type WaitingRow,
} from './repositories/jobChunks';
export type { JobFilter, JobRow, ListedJobRow } from './repositories/jobs';
export type { RetryGroupFilter, RetryGroupRow } from './repositories/retryGroups';
export type { SessionHolder } from './repositories/sessions';
export { type SignInHolder, SignIns } from './repositories/signIns';
export type { SigningKeyRow } from './repositories/signingKeys';
export type { IdentifiedUser, UserIdentity } from './repositories/userIdentities';
export { firstAdminId, type NewUser, type UserChanges, type UserFilter, type UserRow } from './repositories/users';
export { Workload, type WorkloadCounts } from './repositories/workload';
export { checkSetup } from './schema/checkSetup';
export { type MigrateOptions, migrate, migrationNames } from './schema/migrations';
export { type MonitoringResult, runMonitoring } from './schema/monitoring';
export type { RoleNames } from './schema/privileges';
export { hasTables, removeSchema } from './schema/removeSchema';
export { makeRoles } from './schema/roles';
export {
  checkVectorVersions,
  isOlder,
  oldestVector,
  safeVector,
  type VectorVersions,
  vectorVersionsQuery,
} from './schema/vectorExtension';
export { signTable } from './signature/signTable';
export type { BuildProgress } from './vectorIndex/buildProgress';
export type { Resources } from './vectorIndex/buildSession';
export type { SearchFilter } from './vectorIndex/filter';
export { findVectorIndexes, type VectorIndex } from './vectorIndex/find';
export { type VectorIndexKind, vectorIndexKinds } from './vectorIndex/kinds';
export type { SearchRow, WantedChunks } from './vectorIndex/search';
export { type BuildOptions, VectorIndexBuilder } from './vectorIndex/vectorIndexBuilder';
export type { VectorTable } from './vectorIndex/vectorTable';
