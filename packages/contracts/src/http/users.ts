import { z } from 'zod';
import { keyScope, userRole, userStatus } from '../accounts';
import { idSchema } from '../ids';
import { createdAt, listOf, nextCursor, pageQuerySchema, timestamp, updatedAt } from './common';

/** Text that a person writes and that is stored as it is. */
export function writtenText(max: number) {
  return z
    .string()
    .trim()
    .max(max)
    .refine((text) => !text.includes('\0') && text.isWellFormed(), 'must not hold NUL characters or broken Unicode');
}

/** An address in lower case, as it is stored. The local part is taken without case too, as nearly every server takes it. */
export const emailAddress = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  // The first admin has the name admin@localhost, which has no dot.
  .regex(/^[^\s@\0"(),:;<>[\\\]]+@[^\s@\0"(),:;<>[\\\]]+$/, 'must be an e-mail address')
  .refine((text) => text.isWellFormed(), 'must not hold broken Unicode');

export const shortestPassword = 12;
export const longestPasswordBytes = 1_000;

/** A password that someone chooses. Only its length is limited. */
export const newPassword = z
  .string()
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'must not hold NUL characters or broken Unicode')
  .refine((text) => [...text].length >= shortestPassword, `must have at least ${shortestPassword} characters`)
  .refine((text) => Buffer.byteLength(text) <= longestPasswordBytes, `must have at most ${longestPasswordBytes} bytes`)
  .meta({
    description: `At least ${shortestPassword} characters, at most ${longestPasswordBytes} bytes. Nothing else is asked of it.`,
  });

/** A password that someone signs in with. A longer one than can be stored is refused before it is hashed. */
export const givenPassword = z.string().max(longestPasswordBytes).describe('The password.');

const email = emailAddress.meta({
  description: 'The e-mail address, which names the user at sign-in. It is stored in lower case.',
  examples: ['ada@example.org'],
});
const name = writtenText(200).describe('The name, as people see it.');
const role = userRole.describe('What the user may do in the whole installation.');
const status = userStatus.describe('A disabled user can neither sign in nor use keys.');

export const userSchema = z
  .object({
    id: idSchema.describe("The user's id."),
    email: z.string().describe('The e-mail address, in lower case.'),
    name: z.string().describe('The name.'),
    role,
    status,
    has_password: z
      .boolean()
      .describe('False for a user who cannot sign in with a password: it uses keys or an outside provider.'),
    default_collection_id: idSchema.nullable().describe('The collection of uploads that name none, or null.'),
    created_at: createdAt,
    updated_at: updatedAt,
    last_sign_in_at: timestamp.nullable().describe('When the user last signed in, or null.'),
  })
  .meta({ id: 'User', description: 'Someone who may use this installation.' });
export type UserView = z.infer<typeof userSchema>;

export const createUserRequestSchema = z
  .object({
    email,
    name: name.default(''),
    role: role.default('member'),
    password: newPassword
      .optional()
      .describe('Without one, the user signs in through an outside provider, or acts through keys.'),
  })
  .strict()
  .meta({ id: 'CreateUserRequest' });

export const changeUserRequestSchema = z
  .object({
    email: email.optional(),
    name: name.optional(),
    role: role.optional(),
    status: status.optional(),
    password: newPassword.nullable().optional().describe('Null removes it. A change ends all sessions of the user.'),
  })
  .strict()
  .meta({ id: 'ChangeUserRequest', description: 'What is left out stays as it is.' });

export const usersQuerySchema = pageQuerySchema
  .extend({
    role: listOf(userRole).describe('Only users with one of these roles.'),
    status: listOf(userStatus).describe('Only users with one of these statuses.'),
    email: emailAddress.optional().describe('Only the user with this e-mail address.'),
  })
  .strict();

export const usersResponseSchema = z
  .object({ users: z.array(userSchema).describe('The newest first.'), next_cursor: nextCursor })
  .meta({ id: 'Users' });

export const deleteUserQuerySchema = z
  .object({
    transfer_to: idSchema
      .optional()
      .describe(
        'The active user who gets the collections. A collection whose name that user has already gets a suffix.',
      ),
  })
  .strict();

export const meSchema = z
  .object({
    user: userSchema,
    kind: z
      .enum(['user', 'api-key'])
      .describe('How the request was authenticated: by a token of the user, or by an API key.'),
    scopes: z.array(keyScope).nullable().describe('The scopes of the key; null for a token, which has all.'),
    collection_ids: z.array(idSchema).nullable().describe('The only collections that the key may use; null for all.'),
  })
  .meta({ id: 'Me', description: 'Who makes the request.' });

export const changeMeRequestSchema = z
  .object({
    name: name.optional(),
    password: newPassword.optional().describe('The new password. It ends all sessions of the user, this one included.'),
    current_password: givenPassword.optional().describe('Needed for a new password.'),
    default_collection_id: idSchema
      .nullable()
      .optional()
      .describe('The collection of uploads that name none. Null: each upload must name one.'),
  })
  .strict()
  .refine(({ password, current_password }) => password === undefined || current_password !== undefined, {
    path: ['current_password'],
    message: 'must be given with a new password',
  })
  .meta({ id: 'ChangeMeRequest' });
