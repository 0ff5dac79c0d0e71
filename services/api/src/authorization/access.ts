import { actorText, type CollectionRole, type ErrorCode, isId, MillraceError } from '@millrace/contracts';
import type {
  ApiKeyRow,
  CollectionRow,
  Database,
  DocumentRow,
  GroupRow,
  JobChunkDetailRow,
  JobRow,
  RetryGroupRow,
  UserRow,
} from '@millrace/database';
import { can, includesRole, type Permission } from './permissions';
import type { Principal } from './principal';

/** The limits of a search, a list or a retry, as the request names them. */
interface RequestedScope {
  collection_id?: string | undefined;
  document_id?: string | undefined;
}

/** The rows that a search, a list or a retry may use. */
export interface Scope {
  /** The collections that the principal may use for this, or undefined for all of the installation. */
  collectionIds: string[] | undefined;
  /** With all collections: those that are being deleted, which count as gone. */
  exceptCollectionIds?: string[];
  documentId: string | undefined;
}

/**
 * Finds the rows that one principal may use for one permission. Every id in a request is looked up here and nowhere else. A row
 * that the principal may not even see is answered like a row that does not exist; for one that it sees, but may not use for
 * this, the answer is FORBIDDEN. A string that is not an id names no row.
 */
export class Access {
  private roles: Promise<ReadonlyMap<string, CollectionRole>> | undefined;
  private deleting: Promise<ReadonlySet<string>> | undefined;

  constructor(
    readonly principal: Principal,
    private readonly permission: Permission,
    private readonly database: Database,
  ) {}

  /** Finds a document. @throws MillraceError DOCUMENT_NOT_FOUND or FORBIDDEN */
  async document(id: string): Promise<DocumentRow> {
    const document = isId(id) ? await this.database.documents.find(id) : null;
    return this.allowed(document, document?.collectionId, missing('DOCUMENT_NOT_FOUND', `There is no document ${id}.`));
  }

  /** Finds a job. @throws MillraceError JOB_NOT_FOUND or FORBIDDEN */
  async job(id: string): Promise<JobRow> {
    const job = isId(id) ? await this.database.jobs.find(id) : null;
    return this.allowed(job, job?.collectionId, missing('JOB_NOT_FOUND', `There is no job ${id}.`));
  }

  /** Finds a chunk of a job. @throws MillraceError JOB_NOT_FOUND, CHUNK_NOT_FOUND or FORBIDDEN */
  async jobChunk(jobId: string, chunkId: string): Promise<JobChunkDetailRow> {
    const { id } = await this.job(jobId);
    const chunk = isId(chunkId) ? await this.database.jobChunks.find(id, chunkId) : null;
    return chunk ?? missing('CHUNK_NOT_FOUND', `The job has no chunk ${chunkId}.`)();
  }

  /** Finds a retry group. See `retryRequester`. @throws MillraceError RETRY_NOT_FOUND */
  async retryGroup(id: string): Promise<RetryGroupRow> {
    const group = isId(id) ? await this.database.retryGroups.find(id) : null;
    const { userId = group?.userId, requestedBy = group?.requestedBy } = this.retryRequester();
    return group && group.userId === userId && group.requestedBy === requestedBy
      ? group
      : missing('RETRY_NOT_FOUND', `There is no retry group ${id}.`)();
  }

  /** Finds a collection. @throws MillraceError COLLECTION_NOT_FOUND or FORBIDDEN */
  async collection(id: string): Promise<CollectionRow> {
    const collection = isId(id) ? await this.database.collections.find(id) : null;
    return this.allowed(collection, collection?.id, missing('COLLECTION_NOT_FOUND', `There is no collection ${id}.`));
  }

  /** Finds a collection, also one that is being deleted for those who may manage it. @throws MillraceError as `collection` */
  async collectionOrRemains(id: string): Promise<CollectionRow> {
    const found = isId(id) ? await this.database.collections.find(id) : null;
    return found?.status === 'deleting' &&
      can(this.principal, 'collections.members', { id, role: await this.roleIn(id) })
      ? found
      : this.collection(id);
  }

  /**
   * Finds a collection that a member is to be taken from. Each member may leave; to take another one away needs the right to manage.
   * @throws MillraceError as `collection`
   */
  collectionToLeave(id: string, memberId: string): Promise<CollectionRow> {
    return memberId === this.principal.userId
      ? this.collection(id)
      : new Access(this.principal, 'collections.manage', this.database).collection(id);
  }

  /** Returns the role of the principal's user in a collection, or null. */
  async roleIn(collectionId: string): Promise<CollectionRole | null> {
    return (await this.collectionRoles()).get(collectionId) ?? null;
  }

  /** Finds a user. Only endpoints for admins name users. @throws MillraceError USER_NOT_FOUND */
  async user(id: string): Promise<UserRow> {
    const user = isId(id) ? await this.database.users.find(id) : null;
    return user ?? missing('USER_NOT_FOUND', `There is no user ${id}.`)();
  }

  /** Finds the user whose keys a request is about: its own, or for an admin another one. @throws MillraceError USER_NOT_FOUND */
  async keyUser(id = this.principal.userId): Promise<UserRow> {
    return id === this.principal.userId || can(this.principal, 'users.manage')
      ? this.user(id)
      : missing('USER_NOT_FOUND', `There is no user ${id}.`)();
  }

  /** Finds an API key of the principal's user, or for an admin of any user. @throws MillraceError KEY_NOT_FOUND */
  async apiKey(id: string): Promise<ApiKeyRow> {
    const key = isId(id) ? await this.database.apiKeys.find(id) : null;
    const isAllowed = key?.userId === this.principal.userId || can(this.principal, 'users.manage');
    return key && isAllowed ? key : missing('KEY_NOT_FOUND', `There is no API key ${id}.`)();
  }

  /** Makes sure that a user may see these collections, so that a key can be limited to them. @throws MillraceError COLLECTION_NOT_FOUND */
  async requireVisible({ id, role }: UserRow, collectionIds: readonly string[]): Promise<void> {
    if (collectionIds.length === 0) {
      return;
    }
    const user: Principal = {
      ...this.principal,
      kind: 'user',
      id,
      userId: id,
      role,
      scopes: null,
      collectionIds: null,
    };
    const theirs = new Access(user, 'collections.read', this.database);
    for (const collectionId of collectionIds) {
      await theirs.collection(collectionId);
    }
  }

  /** Finds a group. Only endpoints for admins name groups. @throws MillraceError GROUP_NOT_FOUND */
  async group(id: string): Promise<GroupRow> {
    const group = isId(id) ? await this.database.groups.find(id) : null;
    return group ?? missing('GROUP_NOT_FOUND', `There is no group ${id}.`)();
  }

  /**
   * Finds the collection of uploads that name none: the user's default collection, or the only one that the key may use.
   * @throws MillraceError REQUEST_INVALID when there is none, and as `collection`
   */
  async defaultCollection(): Promise<CollectionRow> {
    const { collectionIds, defaultCollectionId } = this.principal;
    const [only] = collectionIds?.size === 1 ? collectionIds : [];
    const id = only ?? defaultCollectionId;
    if (id === null) {
      const message = 'must be given: there is no default collection';
      throw new MillraceError('REQUEST_INVALID', `collection_id ${message}.`, {
        extra: { errors: [{ path: 'collection_id', message }] },
      });
    }
    return this.collection(id);
  }

  /**
   * Limits a search, a list or a retry to what it names and to the collections that the principal may use. So its SQL never sees
   * another collection, whatever its other filters say.
   * @throws MillraceError COLLECTION_NOT_FOUND, DOCUMENT_NOT_FOUND or FORBIDDEN for what the request names
   */
  async scope({ collection_id, document_id }: RequestedScope): Promise<Scope> {
    const collection = collection_id === undefined ? null : await this.collection(collection_id);
    const document = document_id === undefined ? null : await this.document(document_id);
    const collectionIds = collection
      ? [collection.id]
      : document
        ? [document.collectionId]
        : await this.allowedCollections();
    const except = collectionIds === undefined ? [...(await this.deletingCollections())] : [];
    return { collectionIds, documentId: document?.id, ...(except.length > 0 && { exceptCollectionIds: except }) };
  }

  /**
   * Returns whose retries the principal may see: everybody's with the right to see all work, otherwise its user's. A key for some
   * collections sees its own alone, because a retry may be about other collections of its user.
   */
  retryRequester(): { userId?: string; requestedBy?: string } {
    if (this.isEverywhere()) {
      return {};
    }
    const { userId, collectionIds } = this.principal;
    return { userId, ...(collectionIds === null ? {} : { requestedBy: actorText(this.principal) }) };
  }

  /** Returns whether the principal may do this in all collections of the installation. */
  isEverywhere(): boolean {
    return can(this.principal, this.permission);
  }

  /** Lists the collections in which the principal may do this; undefined for all. */
  async allowedCollections(): Promise<string[] | undefined> {
    if (this.isEverywhere()) {
      return undefined;
    }
    const [roles, deleting] = await Promise.all([this.collectionRoles(), this.deletingCollections()]);
    const ids = new Set([...roles.keys(), ...(this.principal.collectionIds ?? [])]);
    return [...ids]
      .filter((id) => !deleting.has(id))
      .filter((id) => can(this.principal, this.permission, { id, role: roles.get(id) ?? null }));
  }

  private async allowed<Row>(row: Row | null, collectionId: string | undefined, refuse: () => never): Promise<Row> {
    if (row === null || collectionId === undefined) {
      return refuse();
    }
    const [deleting] = await Promise.all([this.deletingCollections(), this.collectionRoles()]);
    if (deleting.has(collectionId)) {
      return refuse();
    }
    const relation = { id: collectionId, role: await this.roleIn(collectionId) };
    if (can(this.principal, this.permission, relation)) {
      return row;
    }
    if (can(this.principal, 'collections.read', relation)) {
      throw new MillraceError(
        'FORBIDDEN',
        `This needs the permission ${this.permission} in collection ${relation.id}.`,
      );
    }
    return refuse();
  }

  /** The highest role of the principal's user in each collection. Looked up at most once in a request. */
  private collectionRoles(): Promise<ReadonlyMap<string, CollectionRole>> {
    this.roles ??= this.readRoles();
    return this.roles;
  }

  /** The collections that count as gone. Looked up at most once in a request. */
  private deletingCollections(): Promise<ReadonlySet<string>> {
    this.deleting ??= this.database.collections.listDeleting().then((ids) => new Set(ids));
    return this.deleting;
  }

  private async readRoles(): Promise<ReadonlyMap<string, CollectionRole>> {
    const roles = new Map<string, CollectionRole>();
    for (const { collectionId, role } of await this.database.collections.listGrants(this.principal.userId)) {
      const known = roles.get(collectionId);
      if (known === undefined || includesRole(role, known)) {
        roles.set(collectionId, role);
      }
    }
    return roles;
  }
}

function missing(code: ErrorCode, message: string): () => never {
  return () => {
    throw new MillraceError(code, message);
  };
}
