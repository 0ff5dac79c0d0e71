import type { Actor, KeyScope, UserRole } from '@millrace/contracts';

/**
 * Who makes a request: a user who has signed in, or the holder of an API key. What it may do follows from its user's role and
 * from the roles of that user in collections. A key narrows this by its scopes and its collections, and never widens it.
 */
export interface Principal extends Actor {
  kind: 'user' | 'api-key';
  /** The id of the user or of the key. */
  id: string;
  userId: string;
  role: UserRole;
  /** What a key may be used for; null for a user, who may use all of its rights. */
  scopes: ReadonlySet<KeyScope> | null;
  /** The only collections that a key may use; null for all of its user's. */
  collectionIds: ReadonlySet<string> | null;
  /** When a key ends; null for a user, and for a key that does not end. */
  expiresAt: Date | null;
  /** The collection of uploads that name none, or null. */
  defaultCollectionId: string | null;
}
