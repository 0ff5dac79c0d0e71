import type { Sql } from '../connection/sql';
import { Actions } from '../repositories/actions';
import { ApiKeys } from '../repositories/apiKeys';
import { ChunkAttempts } from '../repositories/chunkAttempts';
import { CollectionMembers } from '../repositories/collectionMembers';
import { Collections } from '../repositories/collections';
import { DocumentChunks } from '../repositories/documentChunks';
import { DocumentPages } from '../repositories/documentPages';
import { Documents } from '../repositories/documents';
import { EmbeddingClaims } from '../repositories/embeddingClaims';
import { EmbeddingModelsRepository } from '../repositories/embeddingModels';
import { Groups } from '../repositories/groups';
import { IdempotencyKeys } from '../repositories/idempotencyKeys';
import { JobChunks } from '../repositories/jobChunks';
import { Jobs } from '../repositories/jobs';
import { ProviderPauses } from '../repositories/providerPauses';
import { RetryGroups } from '../repositories/retryGroups';
import { Sessions } from '../repositories/sessions';
import { SignIns } from '../repositories/signIns';
import { SigningKeys } from '../repositories/signingKeys';
import { UserIdentities } from '../repositories/userIdentities';
import { Users } from '../repositories/users';
import { KnownIndexes } from '../vectorIndex/knownIndexes';

/** All repositories over one transaction, or over one pool. */
export class Session {
  readonly actions: Actions;
  readonly apiKeys: ApiKeys;
  readonly collections: Collections;
  readonly collectionMembers: CollectionMembers;
  readonly documents: Documents;
  readonly documentPages: DocumentPages;
  readonly groups: Groups;
  readonly jobs: Jobs;
  readonly jobChunks: JobChunks;
  readonly chunkAttempts: ChunkAttempts;
  readonly documentChunks: DocumentChunks;
  readonly embeddingClaims: EmbeddingClaims;
  readonly embeddingModels: EmbeddingModelsRepository;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly providerPauses: ProviderPauses;
  readonly retryGroups: RetryGroups;
  readonly sessions: Sessions;
  readonly signIns: SignIns;
  readonly signingKeys: SigningKeys;
  readonly userIdentities: UserIdentities;
  readonly users: Users;

  constructor(
    readonly sql: Sql,
    readonly vectorIndexes: KnownIndexes = new KnownIndexes(),
  ) {
    this.actions = new Actions(sql);
    this.apiKeys = new ApiKeys(sql);
    this.collections = new Collections(sql);
    this.collectionMembers = new CollectionMembers(sql);
    this.documents = new Documents(sql);
    this.documentPages = new DocumentPages(sql);
    this.groups = new Groups(sql);
    this.jobs = new Jobs(sql);
    this.jobChunks = new JobChunks(sql);
    this.chunkAttempts = new ChunkAttempts(sql);
    this.documentChunks = new DocumentChunks(sql, vectorIndexes);
    this.embeddingClaims = new EmbeddingClaims(sql);
    this.embeddingModels = new EmbeddingModelsRepository(sql);
    this.idempotencyKeys = new IdempotencyKeys(sql);
    this.providerPauses = new ProviderPauses(sql);
    this.retryGroups = new RetryGroups(sql);
    this.sessions = new Sessions(sql);
    this.signIns = new SignIns(sql);
    this.signingKeys = new SigningKeys(sql);
    this.userIdentities = new UserIdentities(sql);
    this.users = new Users(sql);
  }
}
