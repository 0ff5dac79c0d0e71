import { embeddingContexts } from '@millrace/contracts';
import { providerModules } from '@millrace/embeddings';
import type { z } from 'zod';
import { day, group, oneOf, prefix, text, wholeNumber } from './types';

export const nextPrefix = 'NEXT_';

const names = providerModules.map(({ name }) => name);
const providerName = oneOf(names);
const modelName = text();
const dimensions = wholeNumber(1, 2_000);
const context = oneOf(embeddingContexts);
const maxTokens = wholeNumber(16, 131_072);

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
    EMBEDDING_QUERY_PREFIX: prefix().optional().meta({
      description:
        'What stands before every query. Quote it to keep its last space. \\n is a line break, none is nothing. If not set, it is what the card of the model says (nomic-embed-text, e5, bge, arctic-embed, gte-modernbert, embeddinggemma, mxbai-embed-large, qwen3-embedding). To change it, see NEXT_EMBEDDING_QUERY_PREFIX.',
      example: '"query: "',
    }),
    EMBEDDING_DOCUMENT_PREFIX: prefix()
      .optional()
      .meta({ description: 'What stands before every text of a document.', example: '"passage: "' }),
    EMBEDDING_CONTEXT: context
      .default('headings')
      .describe(
        'What is embedded before the text of a chunk. headings: the title of the document, or its file name, and the headings above the text. none: nothing. To change it, see NEXT_EMBEDDING_CONTEXT.',
      ),
    EMBEDDING_MAX_TOKENS: maxTokens.optional().meta({
      description:
        'The most tokens of a text that the model takes. Headings are shortened to stay below it. If not set, it is what the card of the model says, or 512.',
      example: '512',
    }),
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
    'To change the model, the dimensions, the prefixes or the context of all vectors without a pause, set the new ones here, for all services, and run "npm run millrace -- re-embed start" (docs/database/re-embedding.md). A variable that is not set keeps its current value; with another model, prefixes and tokens are what its card says. Afterwards move the values to the variables above. OPENAI_API_KEY is only sent to the address that it was given for.',
  variables: {
    NEXT_EMBEDDING_PROVIDER: providerName.optional(),
    NEXT_EMBEDDING_MODEL: modelName.optional(),
    NEXT_EMBEDDING_DIMENSIONS: dimensions.optional(),
    NEXT_EMBEDDING_QUERY_PREFIX: prefix().optional(),
    NEXT_EMBEDDING_DOCUMENT_PREFIX: prefix().optional(),
    NEXT_EMBEDDING_CONTEXT: context.optional(),
    NEXT_EMBEDDING_MAX_TOKENS: maxTokens.optional(),
    ...nextProviderVariables,
  },
});

/** The parsed variables, without those of the providers, whose types only they know. */
export type EmbeddingVariables = z.infer<z.ZodObject<typeof embeddings.variables & typeof nextEmbeddings.variables>>;
