import { z } from 'zod';

const id = (description: string) => z.string().meta({ format: 'uuid', description });

/** The names in paths. */
export const inPath = {
  collectionId: id("The collection's id."),
  memberId: id('The id of the user or the group with whom the collection is shared.'),
  documentId: id("The document's id."),
  jobId: id("The job's id."),
  chunkId: id("The job chunk's id."),
  groupId: id("The retry group's id, from the answer to the retry."),
  userId: id("The user's id."),
  userGroupId: id("The group's id."),
  keyId: id("The API key's id."),
};
