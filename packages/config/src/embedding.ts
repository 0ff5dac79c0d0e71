import type { EmbeddingModel } from '@millrace/contracts';
import { findProviderModule, type ProviderConfig } from '@millrace/embeddings';
import type { z } from 'zod';
import { defaultDimensions, type EmbeddingVariables, nextPrefix } from './variables/embedding';

/** A model and the name of the provider that makes its vectors. */
export interface ProvidedModel extends EmbeddingModel {
  provider: string;
}

export interface ProvidedModels<Model extends ProvidedModel = ProvidedModel> {
  embedding: Model;
  /** The next model, from the variables with NEXT_. Null when they name none. */
  nextEmbedding: Model | null;
}

/** The variables that name the models. */
export const modelVariables = {
  EMBEDDING_PROVIDER: true,
  EMBEDDING_MODEL: true,
  EMBEDDING_DIMENSIONS: true,
  NEXT_EMBEDDING_PROVIDER: true,
  NEXT_EMBEDDING_MODEL: true,
  NEXT_EMBEDDING_DIMENSIONS: true,
} as const;
export type ModelVariables = Pick<EmbeddingVariables, keyof typeof modelVariables>;

/** Completes the models with the defaults of their providers, and adds an issue when a provider does not have the model. */
export function readModels(env: ModelVariables, context: z.RefinementCtx): ProvidedModels {
  const embedding = {
    provider: env.EMBEDDING_PROVIDER,
    model: env.EMBEDDING_MODEL ?? findProviderModule(env.EMBEDDING_PROVIDER).defaultModel,
    dimensions: env.EMBEDDING_DIMENSIONS,
  };
  const nextEmbedding = nextModel(env, embedding);
  checkModel(embedding, '', context);
  if (nextEmbedding !== null) {
    checkModel(nextEmbedding, nextPrefix, context);
  }
  return { embedding, nextEmbedding };
}

function nextModel(env: ModelVariables, current: ProvidedModel): ProvidedModel | null {
  const {
    NEXT_EMBEDDING_PROVIDER: provider = current.provider,
    NEXT_EMBEDDING_MODEL: model,
    NEXT_EMBEDDING_DIMENSIONS: dimensions,
  } = env;
  if (env.NEXT_EMBEDDING_PROVIDER === undefined && model === undefined && dimensions === undefined) {
    return null;
  }
  // A variable that is not set keeps the current value, unless it belongs to another provider.
  const kept =
    provider === current.provider
      ? current
      : { model: findProviderModule(provider).defaultModel, dimensions: defaultDimensions };
  return { provider, model: model ?? kept.model, dimensions: dimensions ?? kept.dimensions };
}

function checkModel(model: ProvidedModel, prefix: string, context: z.RefinementCtx): void {
  for (const { variable, message } of findProviderModule(model.provider).checkModel?.(model) ?? []) {
    context.addIssue({ code: 'custom', path: [prefix + variable], message });
  }
}

type CommonVariables = Pick<EmbeddingVariables, 'EMBEDDING_BATCH_SIZE' | 'EMBEDDING_TIMEOUT_MS'> & {
  STATE_DIR: string;
};

/** Reads the models and the settings of their providers, and adds an issue for each setting that is wrong. */
export function readProviders(
  env: ModelVariables & CommonVariables,
  context: z.RefinementCtx,
): ProvidedModels<ProviderConfig> {
  const { embedding, nextEmbedding } = readModels(env, context);
  const common = { batchSize: env.EMBEDDING_BATCH_SIZE, timeoutMs: env.EMBEDDING_TIMEOUT_MS, stateDir: env.STATE_DIR };
  const settings = settingsOf(embedding.provider, '', env);
  checkSettings(embedding.provider, settings, '', context);
  if (nextEmbedding === null) {
    return { embedding: { ...embedding, ...common, settings }, nextEmbedding };
  }
  const nextSettings = inheritedSettings(nextEmbedding.provider, env);
  checkSettings(nextEmbedding.provider, nextSettings, nextPrefix, context);
  return {
    embedding: { ...embedding, ...common, settings },
    nextEmbedding: { ...nextEmbedding, ...common, settings: nextSettings },
  };
}

type Settings = Record<string, unknown>;

/** Returns the values of a provider's own variables, by their names without the prefix. */
function settingsOf(provider: string, prefix: string, env: object): Settings {
  const values = new Map<string, unknown>(Object.entries(env));
  const names = Object.keys(findProviderModule(provider).variables);
  return Object.fromEntries(names.map((name) => [name, values.get(prefix + name)]));
}

function inheritedSettings(provider: string, env: object): Settings {
  const current = settingsOf(provider, '', env);
  const next = settingsOf(provider, nextPrefix, env);
  const { inheritSettings } = findProviderModule(provider);
  if (inheritSettings) {
    return inheritSettings(next, current);
  }
  return Object.fromEntries(Object.keys(current).map((name) => [name, next[name] ?? current[name]]));
}

function checkSettings(provider: string, settings: Settings, prefix: string, context: z.RefinementCtx): void {
  for (const { variable, message } of findProviderModule(provider).checkSettings?.(settings, prefix) ?? []) {
    context.addIssue({ code: 'custom', path: [prefix + variable], message });
  }
}

/** Returns the models that the services can embed with: the current one, then the next one if it is configured. */
export function configuredModels({ embedding, nextEmbedding }: ProvidedModels): [EmbeddingModel, ...EmbeddingModel[]] {
  return [modelOf(embedding), ...(nextEmbedding === null ? [] : [modelOf(nextEmbedding)])];
}

function modelOf({ model, dimensions }: EmbeddingModel): EmbeddingModel {
  return { model, dimensions };
}
