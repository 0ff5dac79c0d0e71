import { z } from 'zod';

export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'The code as a URN.', examples: ['urn:millrace:problem:document-not-found'] }),
    title: z.string().describe('What the code means. It is the same for every problem with this code.'),
    status: z.int().meta({ description: 'The HTTP status.', examples: [404] }),
    detail: z.string().describe('What happened in this case.'),
    code: z.string().meta({ description: 'The stable error code.', examples: ['DOCUMENT_NOT_FOUND'] }),
    retryable: z.boolean().describe('True when the same request or work may succeed later, without a change.'),
    advice: z.string().describe('What to do about it.'),
    request_id: z.string().optional().describe('The id of the request in the logs.'),
    errors: z
      .array(
        z.object({
          path: z.string().describe('The field, with dots between its levels; empty for the whole.'),
          message: z.string().describe('What is wrong with it.'),
        }),
      )
      .optional()
      .describe('The invalid fields of the request.'),
  })
  .meta({ id: 'Problem', description: 'A problem document (RFC 9457).' });
export type Problem = z.infer<typeof problemSchema>;
