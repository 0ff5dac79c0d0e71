import { z } from 'zod';
import { idSchema } from '../ids';
import { count, createdAt, nextCursor } from './common';
import { userSchema, writtenText } from './users';

const name = writtenText(200)
  .min(1)
  .meta({ description: 'The name, which no other group has.', examples: ['Legal'] });

export const groupSchema = z
  .object({
    id: idSchema.describe("The group's id."),
    name: z.string().describe('The name.'),
    members: count.describe('How many users belong to it.'),
    created_at: createdAt,
  })
  .meta({ id: 'Group', description: 'Users with whom a collection can be shared at once.' });
export type GroupView = z.infer<typeof groupSchema>;

export const groupRequestSchema = z.object({ name }).strict().meta({ id: 'GroupRequest' });

export const groupsResponseSchema = z
  .object({ groups: z.array(groupSchema).describe('The newest first.'), next_cursor: nextCursor })
  .meta({ id: 'Groups' });

export const groupMembersResponseSchema = z
  .object({ members: z.array(userSchema).describe('The newest users first.'), next_cursor: nextCursor })
  .meta({ id: 'GroupMembers' });
