import { providerModules } from '@millrace/embeddings';
import type { z } from 'zod';
import { day, group, oneOf, text, wholeNumber } from './types';

export const nextPrefix = 'NEXT_';

const names = providerModules.map(({ name }) => name);
const providerName = oneOf(names);
const modelName = text();
const dimensions = wholeNumber(1, 2_000);

export const defaultDimensions = 768;

/** The variables of all providers. Only the providers know their types. */
const providerVariables = Object.fromEntries(
  providerModules.flatMap(({ variables }) => Object.entries(variables)),
) as Record<never, z.ZodType>;

/** The same for the provider of the next model. The descriptions above explain them. */
const nextProviderVariables = Object.fromEntries(
  Object.entries<z.ZodType>(providerVariables).map(([name, schema]) => [
    nextPrefix + name,
    schema.meta({ description: undefined, example: undefined }),
  ]),
) as Record<never, z.ZodType>;

export const embeddings = group({
  title: 'Embeddings',
  variables: {
    EMBEDDING_PROVIDER: providerName
      .default(names[0] as string)
      .describe(
        ['What makes the vectors.', ...providerModules.map(({ name, description }) => `${name}: ${description}`)].join(
          '\n',
        ),
      ),
    EMBEDDING_MODEL: modelName.optional().meta({
      description: `The name of the model. If not set: ${providerModules.map(({ name, defaultModel }) => `${defaultModel} for ${name}`).join(', ')}. A database holds the vectors of one model; to change it, see NEXT_EMBEDDING_MODEL.`,
      example: 'text-embedding-3-small',
    }),
    EMBEDDING_DIMENSIONS: dimensions
      .default(defaultDimensions)
      .describe('The length of the vectors. To change it, see NEXT_EMBEDDING_DIMENSIONS.'),
    EMBEDDING_BATCH_SIZE: wholeNumber(1, 2_048).default(64).describe('The most texts in one request.'),
    EMBEDDING_BATCH_WAIT_MS: wholeNumber(0, 10_000).default(10).describe('The longest wait for a request to fill.'),
    EMBEDDING_CONCURRENCY: wholeNumber(1, 64).default(2).describe('The most requests at the same time.'),
    EMBEDDING_TIMEOUT_MS: wholeNumber(100, 600_000).default(60_000).describe('The longest time for one request.'),
    EMBEDDING_MAX_OUTAGE_MS: wholeNumber(0, 30 * day)
      .default(day)
      .describe(
        'While the provider is unreachable or limits the rate, chunks wait and lose no attempt. After this time without a successful call they fail (a day).',
      ),
    ...providerVariables,
  },
});

export const nextEmbeddings = group({
  title: 'Re-embedding',
  introduction:
    'To change the model or the dimensions of all vectors without a pause, set the new ones here, for all services, and run "npm run millrace -- re-embed start" (docs/database/re-embedding.md). A variable that is not set keeps its current value. Afterwards move the values to the variables above. OPENAI_API_KEY is only sent to the address that it was given for.',
  variables: {
    NEXT_EMBEDDING_PROVIDER: providerName.optional(),
    NEXT_EMBEDDING_MODEL: modelName.optional(),
    NEXT_EMBEDDING_DIMENSIONS: dimensions.optional(),
    ...nextProviderVariables,
  },
});

/** The parsed variables, without those of the providers, whose types only they know. */
export type EmbeddingVariables = z.infer<z.ZodObject<typeof embeddings.variables & typeof nextEmbeddings.variables>>;
