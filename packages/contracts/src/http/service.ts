import { z } from 'zod';

export const healthSchema = z.object({ status: z.literal('ok').describe('Always ok.') }).meta({ id: 'Health' });

export const readinessSchema = z
  .object({
    ready: z.boolean().describe('True when every check is ok.'),
    checks: z.record(z.string(), z.string()).meta({
      description: 'What the service needs, by name: "ok", or what is wrong.',
      examples: [{ database: 'ok', redis: 'ok', blobs: 'ok' }],
    }),
    warnings: z.array(z.string()).meta({
      description: 'What works and should be changed all the same, such as an unsafe version of pgvector.',
      examples: [[]],
    }),
  })
  .meta({ id: 'Readiness' });
