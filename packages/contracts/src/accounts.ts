import { z } from 'zod';

/** What a user may do in the whole installation. */
export const userRole = z.enum(['member', 'operator', 'admin']);
export type UserRole = z.infer<typeof userRole>;

export const userStatus = z.enum(['active', 'disabled']);
export type UserStatus = z.infer<typeof userStatus>;

/** What a user may do in one collection. Each role includes those before it. The owner of a collection is a manager. */
export const collectionRole = z.enum(['reader', 'writer', 'manager']);
export type CollectionRole = z.infer<typeof collectionRole>;

/** What an API key may be used for. A key never gives a right that its user does not have. */
export const keyScope = z.enum(['read', 'write', 'operate', 'account', 'admin']);
export type KeyScope = z.infer<typeof keyScope>;
