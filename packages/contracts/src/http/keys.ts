import { z } from 'zod';
import { keyScope } from '../accounts';
import { idSchema } from '../ids';
import { createdAt, nextCursor, pageQuerySchema, timestamp } from './common';
import { writtenText } from './users';

const keyFields = {
  id: idSchema.describe("The key's id."),
  user_id: idSchema.describe('The user as whom the key acts.'),
  name: z.string().describe('What the key is for.'),
  prefix: z.string().meta({ description: 'How the key begins.', examples: ['mr_k3Jd82Lq'] }),
  scopes: z.array(keyScope).describe('What the key may be used for, within what its user may do.'),
  collection_ids: z.array(idSchema).nullable().describe('The only collections that the key may use; null for all.'),
  expires_at: timestamp.nullable().describe('When it stops working, or null for never.'),
  last_used_at: timestamp.nullable().describe('When it was last used, to the minute, or null.'),
  revoked_at: timestamp.nullable().describe('When it was revoked, or null.'),
  revoked_by: z
    .string()
    .nullable()
    .describe('Who revoked it, or null. Null too for a configured key that another replaced.'),
  configured: z.boolean().describe('True for the key that the configuration of the API names.'),
  created_at: createdAt,
};

export const keySchema = z.object(keyFields).meta({ id: 'ApiKey', description: 'An API key, without the key itself.' });
export type KeyView = z.infer<typeof keySchema>;

export const createdKeySchema = z
  .object({ ...keyFields, key: z.string().describe('The key itself. It is shown only here: only its hash is stored.') })
  .meta({ id: 'CreatedApiKey' });

export const createKeyRequestSchema = z
  .object({
    name: writtenText(200)
      .min(1)
      .meta({ description: 'What the key is for.', examples: ['nightly import'] }),
    scopes: z
      .array(keyScope)
      .min(1)
      .max(keyScope.options.length)
      .transform((scopes) => [...new Set(scopes)])
      .meta({
        description:
          'read: see and search; write: upload, change, delete and retry; operate: metrics and queues (operators); ' +
          'account: the own profile and keys; admin: users and groups (admins).',
        examples: [['read', 'write']],
      }),
    collection_ids: z
      .array(idSchema)
      .min(1)
      .max(100)
      .transform((ids) => [...new Set(ids)])
      .optional()
      .describe("The only collections that the key may use. Without them it may use all of its user's."),
    expires_at: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: 'When it stops working. Without it: never.', examples: ['2027-11-27T00:00:00Z'] }),
    user_id: idSchema.optional().describe('The user as whom the key acts. Only admins can name another user.'),
  })
  .strict()
  .meta({ id: 'CreateApiKeyRequest' });

export const keysQuerySchema = pageQuerySchema
  .extend({ user_id: idSchema.optional().describe('Whose keys. Only admins can name another user.') })
  .strict();

export const keysResponseSchema = z
  .object({
    keys: z.array(keySchema).describe('The newest first, revoked and expired ones too.'),
    next_cursor: nextCursor,
  })
  .meta({ id: 'ApiKeys' });
