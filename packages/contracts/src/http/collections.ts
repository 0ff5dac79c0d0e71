import { z } from 'zod';
import { collectionRole } from '../accounts';
import { idSchema } from '../ids';
import { metadataSchema } from '../metadata';
import { collectionStatus, documentStatus } from '../statuses';
import { collectionId, count, createdAt, links, nextCursor, pageQuerySchema, updatedAt } from './common';

/** Text that a row can hold: no NUL and no broken Unicode. */
function storable(schema: z.ZodString) {
  return schema.refine(
    (text) => !text.includes('\0') && text.isWellFormed(),
    'must not hold NUL characters or broken Unicode',
  );
}

const name = storable(z.string().trim().min(1).max(100))
  .refine((text) => !/\p{Cc}/u.test(text), 'must not hold control characters')
  .meta({ description: 'The name. Each collection of an owner has another one.', examples: ['contracts'] });
const description = storable(z.string().max(2_000)).describe('What the collection is for.');
const metadata = metadataSchema.meta({
  description: "The client's own JSON object, at most 16 KiB.",
  examples: [{ department: 'law' }],
});

/** Returns the tag in its usual form, or undefined. */
function canonicalLanguage(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}

const language = z
  .string()
  .max(100)
  .transform((tag, context) => {
    const canonical = canonicalLanguage(tag);
    if (canonical === undefined) {
      context.addIssue({ code: 'custom', message: 'must be a BCP 47 language tag, such as en or pt-BR' });
      return z.NEVER;
    }
    return canonical;
  })
  .nullable()
  .meta({ description: 'The language of the documents (BCP 47), or null if it is not known.', examples: ['en'] });

const limit = count.nullable();
const quotaFields = {
  max_documents: limit.describe('How many documents the collection may have; null for any number.'),
  max_bytes: limit.describe('How many bytes all its originals may have together; null for any number.'),
  max_chunks_per_day: limit.describe(
    'When the documents that were read on a day (UTC) have made this many chunks, uploads are refused until the next; null for any number.',
  ),
};
const quotas = z
  .strictObject(quotaFields)
  .partial()
  .describe('Limits. Only an admin may set them. What is left out stays.');

export const newCollectionRequestSchema = z
  .strictObject({
    name,
    description: description.default(''),
    metadata: metadata.default({}),
    language: language.default(null),
    quotas: quotas.optional(),
  })
  .meta({ id: 'NewCollectionRequest' });

export const changeCollectionRequestSchema = z
  .strictObject({
    name,
    description,
    metadata,
    language,
    quotas,
    owner_id: idSchema.describe(
      'The new owner. Only the owner or an admin may name one. The old owner stays a manager.',
    ),
  })
  .partial()
  .refine((changes) => Object.keys(changes).length > 0, 'must hold a change')
  .meta({ id: 'ChangeCollectionRequest' });
export type ChangeCollectionRequest = z.output<typeof changeCollectionRequestSchema>;

export const collectionsQuerySchema = pageQuerySchema
  .extend({
    name: storable(z.string().min(1).max(100))
      .optional()
      .describe('Only names that contain this text; case does not matter.'),
    mine: z.enum(['true', 'false']).optional().describe('true: only collections that the user owns.'),
  })
  .strict();

export const deleteCollectionQuerySchema = z
  .object({
    name: z
      .string()
      .optional()
      .describe('The name of the collection, to confirm that everything in it is to be deleted.'),
    if_empty: z
      .enum(['true', 'false'])
      .optional()
      .describe('true: delete it only if it has no documents. It needs no name then.'),
  })
  .strict();

const collectionSchema = z
  .object({
    id: collectionId,
    name,
    description,
    metadata: z.record(z.string(), z.unknown()).meta({
      description: "The client's own JSON object.",
      examples: [{ department: 'law' }],
    }),
    language: z
      .string()
      .nullable()
      .meta({ description: 'The language of the documents (BCP 47), or null.', examples: ['en'] }),
    status: collectionStatus.describe('deleting: its documents are being removed. Only its managers still see it.'),
    owner_id: idSchema.describe('The user who owns it.'),
    role: collectionRole
      .nullable()
      .describe('The role of the user who asks; null for one that sees it by the role in the installation.'),
    documents: z
      .object({
        total: count.describe('All documents.'),
        by_status: z
          .partialRecord(documentStatus, count)
          .describe('How many documents have each status. A status without documents is left out.'),
      })
      .describe('How many documents it has.'),
    bytes: count.describe('The size of all originals, as they were uploaded.'),
    chunks: count.describe('The chunks of all documents that were read, failed ones included.'),
    chunks_today: count.describe('The chunks that the reading of documents has made today (UTC).'),
    quotas: z.object(quotaFields).describe('Its limits.'),
    created_at: createdAt,
    updated_at: updatedAt,
    links,
  })
  .meta({ id: 'Collection' });
export type CollectionView = z.infer<typeof collectionSchema>;

export const collectionResponseSchema = collectionSchema;

export const collectionsResponseSchema = z
  .object({ collections: z.array(collectionSchema).describe('The newest first.'), next_cursor: nextCursor })
  .meta({ id: 'Collections' });

const memberSchema = z
  .object({
    id: idSchema.describe('The id of the user or the group. It names the member in addresses.'),
    kind: z.enum(['user', 'group']).describe('With whom the collection is shared.'),
    name: z.string().describe('The name of the user or the group.'),
    email: z.string().nullable().describe("The user's address; null for a group."),
    role: collectionRole.describe('What the member may do. The owner is a manager.'),
    is_owner: z.boolean().describe('True for the owner, who cannot be removed.'),
    created_at: createdAt,
  })
  .meta({ id: 'CollectionMember' });
export type CollectionMemberView = z.infer<typeof memberSchema>;

export const memberResponseSchema = memberSchema;

export const membersResponseSchema = z
  .object({ members: z.array(memberSchema).describe('The owner first, then by name.') })
  .meta({ id: 'CollectionMembers' });

export const shareRequestSchema = z
  .strictObject({
    user_id: idSchema.optional().describe('The user to share with.'),
    email: z.string().trim().toLowerCase().max(320).optional().describe('The address of the user to share with.'),
    group_id: idSchema.optional().describe('The group to share with.'),
    role: collectionRole.describe('The role of the member. It replaces the one before.'),
  })
  .refine(
    ({ user_id, email, group_id }) => [user_id, email, group_id].filter((given) => given !== undefined).length === 1,
    'must hold one of user_id, email and group_id',
  )
  .meta({ id: 'ShareRequest' });
