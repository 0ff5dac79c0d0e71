import { type EmbeddingModel, openaiAddress } from '@millrace/contracts';
import type { z } from 'zod';

/** The model each provider uses when none is named. */
const defaultModels = { static: 'millrace-static-v2', openai: 'text-embedding-3-small' } as const;
const defaultDimensions = 768;

type ProviderName = keyof typeof defaultModels;

interface EmbeddingVariables {
  EMBEDDING_PROVIDER: ProviderName;
  EMBEDDING_MODEL?: string | undefined;
  EMBEDDING_DIMENSIONS: number;
  NEXT_EMBEDDING_PROVIDER?: ProviderName | undefined;
  NEXT_EMBEDDING_MODEL?: string | undefined;
  NEXT_EMBEDDING_DIMENSIONS?: number | undefined;
}

interface OpenaiVariables {
  OPENAI_API_KEY?: string | undefined;
  OPENAI_BASE_URL?: string | undefined;
  NEXT_OPENAI_API_KEY?: string | undefined;
  NEXT_OPENAI_BASE_URL?: string | undefined;
}

/** What makes vectors, under the names of the variables of the model in use. */
export interface EmbeddingConfig {
  EMBEDDING_PROVIDER: ProviderName;
  EMBEDDING_MODEL: string;
  EMBEDDING_DIMENSIONS: number;
}

export interface NextEmbeddingConfig extends EmbeddingConfig {
  OPENAI_API_KEY: string | undefined;
  OPENAI_BASE_URL: string | undefined;
}

/**
 * Fills in the providers' default models; refuses what the static provider cannot do. `nextEmbedding` is what stands under
 * NEXT_EMBEDDING_..., or null where none of it is set; what is left out there is as it is now, unless it belongs to
 * another provider.
 */
export function resolveEmbedding<T extends EmbeddingVariables>(env: T, context: z.RefinementCtx) {
  const now: EmbeddingConfig = {
    EMBEDDING_PROVIDER: env.EMBEDDING_PROVIDER,
    EMBEDDING_MODEL: env.EMBEDDING_MODEL ?? defaultModels[env.EMBEDDING_PROVIDER],
    EMBEDDING_DIMENSIONS: env.EMBEDDING_DIMENSIONS,
  };
  refuseImpossible(now, '', context);
  const next = resolveNext(env, now);
  if (next !== null) {
    refuseImpossible(next, 'NEXT_', context);
  }
  return { ...env, ...now, nextEmbedding: next };
}

function resolveNext(env: EmbeddingVariables, now: EmbeddingConfig): EmbeddingConfig | null {
  const { NEXT_EMBEDDING_PROVIDER: provider, NEXT_EMBEDDING_MODEL: model, NEXT_EMBEDDING_DIMENSIONS: dimensions } = env;
  if (provider === undefined && model === undefined && dimensions === undefined) {
    return null;
  }
  const name = provider ?? now.EMBEDDING_PROVIDER;
  const isSame = name === now.EMBEDDING_PROVIDER;
  return {
    EMBEDDING_PROVIDER: name,
    EMBEDDING_MODEL: model ?? (isSame ? now.EMBEDDING_MODEL : defaultModels[name]),
    EMBEDDING_DIMENSIONS: dimensions ?? (isSame ? now.EMBEDDING_DIMENSIONS : defaultDimensions),
  };
}

function refuseImpossible(wanted: EmbeddingConfig, prefix: '' | 'NEXT_', context: z.RefinementCtx): void {
  if (wanted.EMBEDDING_PROVIDER !== 'static') {
    return;
  }
  const refuse = (name: keyof EmbeddingConfig, what: string) =>
    context.addIssue({
      code: 'custom',
      path: [`${prefix}${name}`],
      message: `must be ${what} when ${prefix}EMBEDDING_PROVIDER is static`,
    });
  if (wanted.EMBEDDING_DIMENSIONS !== defaultDimensions) {
    refuse('EMBEDDING_DIMENSIONS', String(defaultDimensions));
  }
  if (wanted.EMBEDDING_MODEL !== defaultModels.static) {
    refuse('EMBEDDING_MODEL', `left out or ${defaultModels.static}`);
  }
}

/**
 * Adds the address and the key of the next provider: those of the present one, unless it is at another address; a key
 * is never sent to an address that it was not given for. Refuses an openai provider without either.
 */
export function resolveOpenai<T extends EmbeddingConfig & OpenaiVariables & { nextEmbedding: EmbeddingConfig | null }>(
  env: T,
  context: z.RefinementCtx,
) {
  refuseNowhere(env, '', context);
  if (env.nextEmbedding === null) {
    return { ...env, nextEmbedding: null };
  }
  const next: NextEmbeddingConfig = {
    ...env.nextEmbedding,
    OPENAI_BASE_URL: env.NEXT_OPENAI_BASE_URL ?? env.OPENAI_BASE_URL,
    OPENAI_API_KEY:
      env.NEXT_OPENAI_API_KEY ?? (isSameAddress(env, env.NEXT_OPENAI_BASE_URL) ? env.OPENAI_API_KEY : undefined),
  };
  refuseNowhere(next, 'NEXT_', context);
  return { ...env, nextEmbedding: next };
}

function isSameAddress({ OPENAI_BASE_URL: now = openaiAddress }: OpenaiVariables, next = now): boolean {
  const [one, other] = [now, next].map((address) => new URL(address).href.replace(/\/+$/, ''));
  return one === other;
}

function refuseNowhere(
  wanted: EmbeddingConfig & OpenaiVariables,
  prefix: '' | 'NEXT_',
  context: z.RefinementCtx,
): void {
  if (wanted.EMBEDDING_PROVIDER === 'openai' && !wanted.OPENAI_API_KEY && !wanted.OPENAI_BASE_URL) {
    context.addIssue({
      code: 'custom',
      path: [`${prefix}OPENAI_API_KEY`],
      message: `is needed when ${prefix}EMBEDDING_PROVIDER is openai and ${prefix}OPENAI_BASE_URL is not set`,
    });
  }
}

/** Returns the models that vectors can be made with: the current one, then the next one if there is one. */
export function configuredModels(
  config: EmbeddingConfig & { nextEmbedding: EmbeddingConfig | null },
): [EmbeddingModel, ...EmbeddingModel[]] {
  return [modelOf(config), ...(config.nextEmbedding === null ? [] : [modelOf(config.nextEmbedding)])];
}

function modelOf(config: EmbeddingConfig): EmbeddingModel {
  return { model: config.EMBEDDING_MODEL, dimensions: config.EMBEDDING_DIMENSIONS };
}
