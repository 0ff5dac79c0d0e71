import { z } from 'zod';
import { idSchema } from '../ids';
import { actor, actorFilter, listOf, moment, nextCursor, pageQuerySchema, timestamp } from './common';

/** The kinds of acts that the audit log has. */
export const actionKind = z.enum([
  'retry',
  'cancel',
  'delete',
  'restore',
  'change_metadata',
  'move',
  'copy',
  'create_collection',
  'change_collection',
  'share_collection',
  'unshare_collection',
  'delete_collection',
  'cancel_re_embedding',
  'queue_changed',
  'sign_in',
  'sign_in_failed',
  'sign_out',
  'refresh_reused',
  'signing_key_rotated',
  'user_created',
  'user_changed',
  'user_disabled',
  'user_deleted',
  'password_changed',
  'collections_transferred',
  'key_created',
  'key_revoked',
  'group_created',
  'group_changed',
  'group_deleted',
]);
export type ActionKind = z.infer<typeof actionKind>;

export const actionsQuerySchema = pageQuerySchema
  .extend({
    kind: listOf(actionKind).describe('Only actions of one of these kinds.'),
    requested_by: actorFilter.optional(),
    document_id: idSchema.optional().describe('Only of this document, which may be deleted.'),
    job_id: idSchema.optional().describe('Only of this job, which may be deleted.'),
    user_id: idSchema.optional().describe('Only about this user, who may be deleted.'),
    requested_after: moment.optional().describe('Only actions requested at this time or later.'),
    requested_before: moment.optional().describe('Only actions requested before this time.'),
  })
  .strict();

const actionSchema = z.object({
  id: idSchema.describe("The action's id. That of a retry is the id of its retry group."),
  kind: actionKind.describe(
    'restore: an old version of the document was made current. ' +
      'cancel_re_embedding: the change of the model of all vectors was cancelled. ' +
      'queue_changed: a button of Bull Board was used.',
  ),
  requested_by: actor,
  requested_at: timestamp.describe('When it was requested.'),
  collection_id: idSchema.nullable().describe('The collection, which may be deleted; null for an action in several.'),
  document_id: idSchema.nullable().describe('The document that the request is about, or null for more than one.'),
  filename: z.string().nullable().describe('The file name of that document, also after it was deleted.'),
  job_id: idSchema.nullable().describe('The job that the request names, or null.'),
  user_id: idSchema.nullable().describe('The user that it is about, or null.'),
  address: z
    .string()
    .nullable()
    .describe('The address that the request came from, where it came through the API. Operators and admins see it.'),
  request_id: z.string().nullable().describe('The id of the request (X-Request-Id), for those who see the address.'),
  details: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('What else there is to know about an act of this kind, or null.'),
});
export type ActionView = z.infer<typeof actionSchema>;

export const actionsResponseSchema = z
  .object({ actions: z.array(actionSchema).describe('The newest first.'), next_cursor: nextCursor })
  .meta({ id: 'Actions', description: 'Who asked for which change, and who signed in.' });
